import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { formWith } from '../helpers/forms.ts'
import { ServerProcess } from '../helpers/server-process.ts'
import { attributesOf, TraceReceiver } from '../helpers/trace-receiver.ts'

jest.setTimeout(120_000)

const KEY = 'pxl_key-b4f1e0c2'
const PHRASE = 'the quokka of Zanzibar'
const image = new Uint8Array(await readFile('samples/street.png'))
const base64 = Buffer.from(image).toString('base64')

afterAll(() => ServerProcess.killAll())

/** Asks in every way, rightly and wrongly, with the key and the phrase wherever they can stand. */
async function session(address: string): Promise<void> {
  const headers = { authorization: `Bearer ${KEY}`, cookie: `key=${KEY}`, 'x-api-key': KEY }
  const json = { ...headers, 'content-type': 'application/json' }
  const post = async (path: string, body: FormData | string, headers_: Record<string, string>) => {
    await (
      await fetch(`${address}${path}`, { method: 'POST', body, headers: headers_ })
    ).arrayBuffer()
  }
  const form = (fields: Record<string, string>) => formWith(image, fields)

  await post('/v1/locate', form({ phrase: PHRASE }), headers)
  await post('/v1/segment', form({ phrase: PHRASE }), { ...headers, accept: 'image/png' })
  await post('/v1/caption', form({ prefix: PHRASE }), { ...headers, accept: 'text/event-stream' })
  await post('/v1/locate', form({ phrase: PHRASE.repeat(20) }), headers)
  await post('/v1/locate', form({ phrase: PHRASE, [PHRASE]: '1' }), headers)
  await post('/v1/locate', form({ phrase: PHRASE, model: PHRASE }), headers)
  await post(`/v1/locate?key=${KEY}`, '{}', json)
  await post('/v1/locate', JSON.stringify({ image: { data: base64 }, phrase: PHRASE }), json)
  await post('/v1/locate', JSON.stringify({ image: { data: `!${base64}` }, phrase: PHRASE }), json)
  await post('/v1/locate', `{"phrase": "${PHRASE}", "image": ${PHRASE}`, json)
  await post('/v1/locate', PHRASE, { ...headers, 'content-type': 'text/plain' })
  await post('/v1/images', formWith(new TextEncoder().encode(PHRASE)), headers)
}

async function logOf(server: ServerProcess, address: string): Promise<string[]> {
  await session(address)
  server.signal('SIGTERM')
  const { stdout, stderr } = await server.exited
  return [...stdout.split('\n').slice(1), ...stderr.split('\n')].filter((line) => line !== '')
}

describe('the whole log of a session', () => {
  let receiver: TraceReceiver
  let lines: string[]

  beforeAll(async () => {
    receiver = await TraceReceiver.open()
    const server = await ServerProcess.start({
      PIXELLLM_LOG_LEVEL: 'trace',
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.address,
    })
    lines = await logOf(server, await server.address())
  })

  afterAll(() => receiver.close())

  test('has a line for every request, as JSON', () => {
    const requests = lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'request')

    expect(requests).toHaveLength(12)
    expect(requests.map(({ status }) => status).sort()).toEqual([
      200, 200, 200, 200, 400, 400, 400, 400, 400, 404, 415, 415,
    ])
  })

  test('has no key, no phrase and no image', () => {
    const log = lines.join('\n')

    expect(log).not.toContain(KEY)
    expect(log).not.toMatch(/quokka|Zanzibar/)
    expect(log).not.toContain(base64.slice(100, 140))
  })

  test('is followed by traces that go through the worker and have none of that either', () => {
    const { traceId } = receiver.named('worker')
    const spans = receiver.spans.filter((span) => span.traceId === traceId)

    expect(spans.map(({ name }) => name).sort()).toEqual(
      ['POST /v1/locate', 'bridge', 'decode', 'encode', 'prepare', 'queue', 'worker'].sort(),
    )
    expect(attributesOf(receiver.named('worker'))).toHaveProperty(['pixelllm.decode_steps'])
    expect(receiver.bodies.join()).not.toMatch(new RegExp(`quokka|Zanzibar|${KEY}`))
  })
})

test('with PIXELLLM_LOG_REQUESTS=on the log says what was asked, and still no key', async () => {
  const server = await ServerProcess.start({
    PIXELLLM_LOG_LEVEL: 'trace',
    PIXELLLM_LOG_REQUESTS: 'on',
  })

  const log = (await logOf(server, await server.address())).join('\n')

  expect(log).toContain(PHRASE)
  expect(log).not.toContain(KEY)
  expect(log).not.toContain(base64.slice(100, 140))
})
