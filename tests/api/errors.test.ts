import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { Problem } from '../../schemas/index.ts'
import { type Gateway, openGateway } from '../helpers/gateway.ts'

let gateway: Gateway

beforeEach(async () => {
  gateway = await openGateway({ PIXELLLM_MAX_IMAGE_BYTES: '2000' })
})

afterEach(() => gateway.close())

describe('a request that no route takes', () => {
  test.each([
    ['GET', '/v1/nothing'],
    ['GET', '/v1/images/a/b'],
    ['POST', '/'],
  ] as const)('%s %s is not found', async (method, url) => {
    const reply = await gateway.app.inject({ method, url })

    expect(reply.json()).toMatchObject({ status: 404, code: 'not_found' })
  })

  test.each([
    ['GET', '/v1/caption', 'POST'],
    ['PUT', '/v1/images/img_1', 'GET, DELETE, HEAD'],
    ['POST', '/healthz', 'GET, HEAD'],
    ['OPTIONS', '/v1/models?x=1', 'GET, HEAD'],
  ] as const)('%s %s names the methods that there are', async (method, url, allow) => {
    const reply = await gateway.app.inject({ method, url })

    expect(reply.statusCode).toBe(405)
    expect(reply.headers.allow).toBe(allow)
    expect(reply.json()).toMatchObject({ code: 'method_not_allowed' })
  })
})

describe('a broken body', () => {
  const form = 'multipart/form-data; boundary=x'
  const part = '--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'

  test.each([
    ['a form without a boundary', 'multipart/form-data', part, 400, 'invalid_request'],
    ['a form that breaks off', form, `${part}half`, 400, 'invalid_request'],
    ['a form that is none', form, 'nonsense', 400, 'invalid_request'],
    ['an empty form', form, '', 400, 'invalid_request'],
    ['a prototype as a field', form, field('__proto__', '1'), 400, 'invalid_request'],
    ['a constructor as a field', form, field('constructor', '1'), 400, 'invalid_request'],
    ['a field too long', form, field('prefix', 'x'.repeat(70_000)), 413, 'body_too_large'],
    [
      'parts without end',
      form,
      Array.from({ length: 50 }, (_, i) => field(`f${i}`, '1'))
        .join('')
        .replaceAll('--x--\r\n', ''),
      413,
      'body_too_large',
    ],
    ['broken JSON', 'application/json', '{"image":', 400, 'invalid_request'],
    ['empty JSON', 'application/json', '', 400, 'invalid_request'],
    ['a prototype in JSON', 'application/json', '{"__proto__":{"a":1}}', 400, 'invalid_request'],
    ['JSON that is no object', 'application/json', '"image"', 400, 'invalid_request'],
    ['null', 'application/json', 'null', 400, 'invalid_request'],
    ['too much JSON', 'application/json', `"${'x'.repeat(3_000_000)}"`, 413, 'body_too_large'],
    ['text', 'text/plain', 'hello', 415, 'body_unsupported'],
    ['XML', 'application/xml', '<a/>', 415, 'body_unsupported'],
  ])('%s is a problem', async (_, type, payload, status, code) => {
    const reply = await gateway.app.inject({
      method: 'POST',
      url: '/v1/caption',
      headers: { 'content-type': type },
      payload,
    })

    expect(Problem.parse(reply.json())).toMatchObject({ status, code })
    expect(reply.statusCode).toBe(status)
    expect(reply.headers['content-type']).toMatch(/^application\/problem\+json/)
  })

  test('a form that is too long is refused before it is read', async () => {
    const address = await gateway.app.listen({ host: '127.0.0.1', port: 0 })
    const sent = request(`${address}/v1/caption`, {
      method: 'POST',
      headers: { 'content-type': form, 'content-length': 1e9 },
    })
    sent.on('error', () => {})
    sent.write(part)

    const [reply]: IncomingMessage[] = await once(sent, 'response')

    expect(reply?.headers.connection).toBe('close')
    expect(JSON.parse(reply === undefined ? '' : await text(reply))).toMatchObject({
      code: 'body_too_large',
    })
    sent.destroy()
  })

  test('a form without end is cut off', async () => {
    const address = await gateway.app.listen({ host: '127.0.0.1', port: 0 })
    const sent = request(`${address}/v1/caption`, {
      method: 'POST',
      headers: { 'content-type': form, 'transfer-encoding': 'chunked' },
    })
    const closed = once(sent, 'error')
    sent.write(part)
    const more = Buffer.alloc(100_000)
    const send = (): void => void sent.write(more, (error) => error ?? send())
    send()

    const [error]: unknown[] = await closed

    expect(error).toMatchObject({ code: expect.stringMatching(/^(ECONNRESET|EPIPE)$/) })
  })

  test('no body at all is a problem', async () => {
    const reply = await gateway.app.inject({ method: 'POST', url: '/v1/caption' })

    expect(reply.json()).toMatchObject({ status: 400, code: 'invalid_request' })
  })

  function field(name: string, value: string): string {
    return `--x\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n--x--\r\n`
  }
})

describe('request ids', () => {
  test('are made up, or taken from the caller where they are harmless', async () => {
    const made = await gateway.app.inject('/healthz')
    const taken = await gateway.app.inject({
      url: '/healthz',
      headers: { 'x-request-id': 'trace-1' },
    })
    const refused = await gateway.app.inject({
      url: '/healthz',
      headers: { 'x-request-id': '{"level":60}' },
    })

    expect(made.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
    expect(taken.headers['x-request-id']).toBe('trace-1')
    expect(refused.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
  })

  test('are the instance of a problem', async () => {
    const reply = await gateway.app.inject({
      url: '/nothing',
      headers: { 'x-request-id': 'trace-1' },
    })

    expect(reply.json().instance).toBe('trace-1')
  })
})

test('the log has one line for a request, without its query', async () => {
  await gateway.app.inject({ url: '/v1/models?token=secret', headers: { 'x-request-id': 'a' } })

  const lines = gateway.log.filter(({ request_id }) => request_id === 'a')
  expect(lines).toEqual([
    expect.objectContaining({ method: 'GET', path: '/v1/models', status: 200, msg: 'request' }),
  ])
  expect(JSON.stringify(gateway.log)).not.toContain('secret')
})

describe('over a real connection', () => {
  /** Sends bytes as they are and reads all that comes back. */
  async function exchange(bytes: string): Promise<string> {
    const address = new URL(await gateway.app.listen({ host: '127.0.0.1', port: 0 }))
    const socket = connect(Number(address.port), address.hostname)
    await once(socket, 'connect')
    socket.write(bytes)
    return text(socket)
  }

  test.each([
    ['bytes that are no HTTP', 'hello\r\n\r\n', 400, 'invalid_request'],
    [
      'headers without end',
      `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
      431,
      'headers_too_large',
    ],
    [
      'a path that does not decode',
      'GET /%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
      400,
      'invalid_request',
    ],
  ])('%s gets a problem', async (_, bytes, status, code) => {
    const reply = await exchange(bytes)

    const [head = '', body = ''] = reply.split('\r\n\r\n')
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(head.toLowerCase()).toContain('content-type: application/problem+json')
    expect(Problem.parse(JSON.parse(body))).toMatchObject({ status, code })
  })
})
