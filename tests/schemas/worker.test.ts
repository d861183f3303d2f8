import { expect, test } from '@jest/globals'
import { PingAcknowledgement, WorkerCall, WorkerEvent } from '../../schemas/index.ts'

const call = {
  id: 'a',
  model: 'tiny',
  task: 'caption',
  request: { beams: 1 },
  image: { id: '0'.repeat(64), offset: 0, bytes: 10 },
  ttl_ms: 1000,
  stream: false,
}

test('a call carries any task, so that tests can add some', () => {
  expect(WorkerCall.parse({ ...call, task: 'sleep', request: { seconds: 1 } }).task).toBe('sleep')
})

test.each([
  { type: 'words', words: [['a', []]] },
  { type: 'error', id: 'a', error: { code: 'internal', message: 'it broke' } },
  { type: 'unloaded', id: 'a' },
  { type: 'trained', id: 'a', outcome: 'superseded' },
  { type: 'failed', error: { code: 'model_unavailable', message: 'no such folder' } },
])('takes the event %j', (event) => {
  expect(WorkerEvent.parse(event)).toEqual(event)
})

test.each([
  { type: 'error', id: 'a', error: { code: 'oops', message: 'it broke' } },
  { type: 'done', id: 'a', result: {} },
  { type: 'trained', id: 'a', outcome: 'interrupted' },
  { type: 'unknown' },
  { type: 'words', words: [['a', [{ text: 'a' }]]] },
])('refuses the event %j', (event) => {
  expect(WorkerEvent.safeParse(event).success).toBe(false)
})

test('tells an answered ping from a refused one', () => {
  const pong = { ok: true, pid: 1, engine_age_ms: 0.5, queued: 0, active: 0 }
  const refusal = { ok: false, error: { code: 'internal', message: 'not started' } }

  expect(PingAcknowledgement.parse(pong)).toEqual(pong)
  expect(PingAcknowledgement.parse(refusal)).toEqual(refusal)
})
