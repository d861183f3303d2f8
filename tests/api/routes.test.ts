import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { operations } from '../../schemas/index.ts'
import type { WorkerState } from '../../worker-bridge/index.ts'
import { formWith, injected } from '../helpers/forms.ts'
import { type Gateway, openGateway } from '../helpers/gateway.ts'
import { pngBytes } from '../helpers/pictures.ts'

const png = await pngBytes()

let gateway: Gateway

beforeEach(async () => {
  gateway = await openGateway()
})

afterEach(() => gateway.close())

test('every operation of the contract has its route', () => {
  const missing = operations.filter(
    ({ method, path }) =>
      !gateway.app.hasRoute({ method, url: path.replaceAll(/\{(\w+)\}/g, ':$1') }),
  )
  expect(missing).toEqual([])
})

describe('/v1/images', () => {
  test('keeps an image, tells about it and deletes it', async () => {
    const created = await gateway.app.inject({
      method: 'POST',
      url: '/v1/images',
      ...(await injected(formWith(png))),
    })
    const { id } = created.json()
    const url = `/v1/images/${id}`

    expect(created.statusCode).toBe(201)
    expect(created.headers.location).toBe(url)
    expect(created.json()).toEqual({
      id: expect.stringMatching(/^img_[0-9a-f]{32}$/),
      width: 40,
      height: 30,
      bytes: png.length,
      expires_at: expect.stringMatching(/^\d{4}-.*Z$/),
    })
    expect((await gateway.app.inject(url)).json()).toMatchObject({ id, width: 40 })
    const deleted = await gateway.app.inject({ method: 'DELETE', url })
    expect(deleted.statusCode).toBe(204)
    expect(deleted.body).toBe('')
    expect((await gateway.app.inject(url)).statusCode).toBe(404)
  })

  test('takes base64', async () => {
    const reply = await gateway.app.inject({
      method: 'POST',
      url: '/v1/images',
      payload: { image: { data: png.toString('base64') } },
    })

    expect(reply.statusCode).toBe(201)
  })

  test.each([
    [{ image: { id: `img_${'0'.repeat(32)}` } }, '/image'],
    [{ image: { data: png.toString('base64') }, name: 'x' }, '/name'],
    [[], ''],
  ])('refuses %j', async (payload, pointer) => {
    const reply = await gateway.app.inject({ method: 'POST', url: '/v1/images', payload })

    expect(reply.json()).toMatchObject({ code: 'invalid_request', errors: [{ pointer }] })
  })

  test.each(['x', '..%2f..%2fetc%2fpasswd', 'img_%00', `img_${'A'.repeat(32)}`])(
    'takes no other name than an id: %s',
    async (name) => {
      const reply = await gateway.app.inject(`/v1/images/${name}`)

      expect(reply.json()).toMatchObject({ code: 'invalid_request', errors: [{ pointer: '/id' }] })
    },
  )
})

test('GET /openapi.json is openapi.yaml', async () => {
  const reply = await gateway.app.inject('/openapi.json')

  expect(reply.json()).toEqual(parse(readFileSync('openapi.yaml', 'utf8')))
})

describe('health', () => {
  test('says yes while a worker has its model and answers', async () => {
    const replies = await Promise.all(
      ['/healthz', '/readyz', '/v2/health/live', '/v2/health/ready'].map((url) =>
        gateway.app.inject(url),
      ),
    )

    expect(replies.map((reply) => reply.json())).toEqual([
      { status: 'ok' },
      { status: 'ok' },
      { live: true },
      { ready: true },
    ])
  })

  const states: [WorkerState, string][] = [
    ['starting', 'worker_unavailable'],
    ['unresponsive', 'worker_unavailable'],
    ['failed', 'model_unavailable'],
    ['closed', 'shutting_down'],
  ]

  test.each(states)('is alive but not ready while the worker is %s', async (state, code) => {
    gateway.worker.state = state

    expect((await gateway.app.inject('/healthz')).statusCode).toBe(200)
    expect((await gateway.app.inject('/v2/health/live')).statusCode).toBe(200)
    for (const url of ['/readyz', '/v2/health/ready']) {
      const reply = await gateway.app.inject(url)
      expect(reply.statusCode).toBe(503)
      expect(reply.json()).toMatchObject({ code })
    }
  })
})
