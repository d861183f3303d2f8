import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { WorkerError } from '../../worker-bridge/index.ts'
import { formWith } from '../helpers/forms.ts'
import { type Gateway, openGateway } from '../helpers/gateway.ts'
import { pngBytes } from '../helpers/pictures.ts'
import { postForm } from '../helpers/requests.ts'
import { attributesOf, TraceReceiver } from '../helpers/trace-receiver.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const CALLER = '00f067aa0ba902b7'

const png = await pngBytes(40, 30)

let receiver: TraceReceiver
let gateway: Gateway

beforeEach(async () => {
  receiver = await TraceReceiver.open()
  gateway = await openGateway({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.address })
})

afterEach(() => receiver.close())

function locate(flags: string) {
  const traceparent = `00-${TRACE}-${CALLER}-${flags}`
  const form = formWith(png, { phrase: 'the secret circle' })
  return postForm(gateway, '/v1/locate', form, { traceparent, 'x-request-id': 'asked-1' })
}

test('gateway, bridge and worker are one trace, that of the caller', async () => {
  await locate('01')
  await gateway.close()

  const parents = {
    'POST /v1/locate': CALLER,
    bridge: receiver.named('POST /v1/locate').spanId,
    worker: receiver.named('bridge').spanId,
    queue: receiver.named('worker').spanId,
    prepare: receiver.named('worker').spanId,
    encode: receiver.named('worker').spanId,
    decode: receiver.named('worker').spanId,
  }
  expect(receiver.spans.map(({ name }) => name).sort()).toEqual(Object.keys(parents).sort())
  expect(new Set(receiver.spans.map(({ traceId }) => traceId))).toEqual(new Set([TRACE]))
  for (const [name, parent] of Object.entries(parents)) {
    expect([name, receiver.named(name).parentSpanId]).toEqual([name, parent])
  }
})

test('the stages of the worker lie end to end inside it', async () => {
  await locate('01')
  await gateway.close()

  const worker = receiver.named('worker')
  let at = worker.startTimeUnixNano
  for (const name of ['queue', 'prepare', 'encode', 'decode']) {
    const { startTimeUnixNano, endTimeUnixNano } = receiver.named(name)
    expect(startTimeUnixNano).toBe(at)
    expect(endTimeUnixNano).toBeGreaterThanOrEqual(startTimeUnixNano)
    at = endTimeUnixNano
  }
  expect(worker.endTimeUnixNano).toBeGreaterThanOrEqual(at)
})

test('a span says which request it is about, and nothing of what was asked', async () => {
  await locate('01')
  await gateway.close()

  expect(attributesOf(receiver.named('POST /v1/locate'))).toEqual({
    'http.request.method': 'POST',
    'http.route': '/v1/locate',
    'http.response.status_code': 200,
    'pixelllm.request_id': 'asked-1',
  })
  expect(attributesOf(receiver.named('bridge'))).toEqual({
    'pixelllm.task': 'locate',
    'pixelllm.model': 'tiny',
  })
  expect(receiver.resources[0]).toMatchObject({ 'service.name': 'pixelllm-server' })
  expect(receiver.bodies.join()).not.toContain('secret')
})

test('a request that no caller traces has a trace of its own, which the log names', async () => {
  await postForm(gateway, '/v1/caption', formWith(png))
  await gateway.close()

  const { traceId, parentSpanId } = receiver.named('POST /v1/caption')
  expect(traceId).toMatch(/^[0-9a-f]{32}$/)
  expect(parentSpanId).toBeUndefined()
  expect(gateway.log).toContainEqual(expect.objectContaining({ msg: 'request', trace_id: traceId }))
})

test('a request that its caller does not sample is not sent', async () => {
  await locate('00')
  await gateway.close()

  expect(receiver.spans).toEqual([])
})

test('a call that fails has the code of its problem', async () => {
  gateway.worker.respond = async () => {
    throw new WorkerError('queue_full', 'the queue holds 64 calls')
  }

  await locate('01')
  await gateway.close()

  for (const name of ['POST /v1/locate', 'bridge']) {
    const span = receiver.named(name)
    expect(attributesOf(span)).toMatchObject({ 'error.type': 'queue_full' })
    expect(span.status?.code).toBe(2)
  }
  expect(() => receiver.named('worker')).toThrow('no span worker')
})

test('a path without a route is not a name of its own', async () => {
  await gateway.app.inject('/secret')
  await gateway.close()

  expect(receiver.spans.map(({ name }) => name)).toEqual(['GET other'])
})

test('a collector that is away does not keep the server from ending', async () => {
  await receiver.close()
  await locate('01')

  await gateway.close()

  expect(gateway.log).toContainEqual(expect.objectContaining({ level: 40 }))
})

test.each([
  [{}, null],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a:4318/' }, 'http://a:4318/v1/traces'],
  [
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a', OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://b/x' },
    'http://b/x',
  ],
])('with %j traces go to %s', async (settings, url) => {
  await gateway.close()
  const other = await openGateway(settings)

  expect(other.config.traces_url).toBe(url)

  await other.close()
})
