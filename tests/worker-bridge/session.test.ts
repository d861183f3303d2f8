/** What one call can meet in a Python that stays alive. */
import { jest } from '@jest/globals'
import type { Word } from '../../schemas/index.ts'
import { codeOf, FaultPool } from './fixtures/fault-pool.ts'
import { until } from './fixtures/processes.ts'

jest.setTimeout(30_000)

let workers: FaultPool
let python: number

beforeAll(async () => {
  workers = await FaultPool.ready()
  python = workers.pids().python
})

afterEach(async () => {
  await until(() => idle(workers))
  expect(workers.pids().python).toBe(python)
})

afterAll(() => FaultPool.closeAll())

test('answers with what the task computed and how long it took', async () => {
  const { result, timing } = await workers.call('echo', {
    request: { text: 'é😀\u2028\0', steps: 3 },
  })

  expect(result).toEqual({ text: 'é😀\u2028\0', steps: 3 })
  expect(timing.steps).toBe(3)
})

test('hands over words while they are written', async () => {
  const words: string[] = []
  const onWords = (next: Word[]): void => {
    words.push(...next.map(({ text }) => text))
  }

  await workers.call('echo', { request: { steps: 4 }, onWords })

  expect(words).toEqual(['w1', 'w2', 'w3', 'w4'])
})

test('answers many calls at once, each with its own result', async () => {
  const numbers = Array.from({ length: 60 }, (_, number) => number)

  const answers = await Promise.all(
    numbers.map((number) => workers.call('echo', { request: { number, steps: number % 5 } })),
  )

  expect(answers.map(({ result }) => result)).toEqual(
    numbers.map((number) => ({ number, steps: number % 5 })),
  )
})

test('keeps calls apart that come with the same id', async () => {
  const call = { id: 'same', model: 'fault', task: 'echo', image: image(), timeout_ms: 20_000 }
  const options = { signal: new AbortController().signal }

  const answers = await Promise.all(
    [1, 2, 3].map((number) => workers.pool.run({ ...call, request: { number } }, options)),
  )

  expect(answers.map(({ result }) => result)).toEqual([{ number: 1 }, { number: 2 }, { number: 3 }])
})

test('passes user data on as data, object references of pythonia included', async () => {
  const request = { ffid: 0, list: [{ ffid: 0 }], call: { ffid: '', r: 1, c: 'jsi', key: 'error' } }

  const { result } = await workers.call('echo', { request })

  expect(result).toEqual(request)
})

test('reports an exception in Python as internal, with the traceback in the log alone', async () => {
  const from = workers.log.lines.length

  const failed = workers.call('boom')

  await expect(failed).rejects.toMatchObject({
    code: 'internal',
    message: 'the worker failed on this call',
  })
  await workers.log.line(/RuntimeError: boom: é😀/, from)
})

test.each([
  ['a NaN', 'nan'],
  ['what is not JSON', 'bytes'],
  ['an event that is not as agreed', 'wrong'],
])('reports %s in an answer as internal', async (_, task) => {
  expect(await codeOf(workers.call(task))).toBe('internal')
})

test('reports a request that Python refuses', async () => {
  const refused = workers.call('unheard-of')

  await expect(refused).rejects.toMatchObject({
    code: 'invalid_request',
    message: "there is no task 'unheard-of'",
  })
})

test('takes what Python prints for log lines, whatever it looks like', async () => {
  const from = workers.log.lines.length

  await workers.call('print')

  await workers.log.line(/"val": "from stdout"/, from)
  await workers.log.line(/"c": "pixelllm"/, from)
})

test('ends a call at its deadline, and Python within one step of it', async () => {
  const from = workers.log.lines.length
  const running = await workers.begin({ timeout_ms: 500, request: { step_ms: 100 } })

  expect(await running.outcome).toBe('deadline_exceeded')

  await until(() => idle(workers))
  expect(await lastStep(workers, from)).toBeLessThanOrEqual(running.steps() + 2)
})

test('ends a call that its caller aborts, and Python within one step of it', async () => {
  const from = workers.log.lines.length
  const controller = new AbortController()
  const running = await workers.begin({ signal: controller.signal, request: { step_ms: 100 } })

  controller.abort()

  expect(await running.outcome).toBe('cancelled')
  await until(() => idle(workers))
  expect(await lastStep(workers, from)).toBeLessThanOrEqual(running.steps() + 2)
})

test('does not start a call that was aborted before', async () => {
  expect(await codeOf(workers.call('echo', { signal: AbortSignal.abort() }))).toBe('cancelled')
})

test('ends a call whose listener fails', async () => {
  const onWords = (): never => {
    throw new RangeError('the socket is gone')
  }

  const failed = workers.call('echo', { request: { steps: 1_000_000 }, onWords })

  await expect(failed).rejects.toThrow('the socket is gone')
})

test('says queue_full when Python holds all the calls that it may', async () => {
  const small = await FaultPool.ready({ max_batch: 1, max_queue: 2 })
  const controller = new AbortController()
  const { signal } = controller
  const running = await small.begin({ signal })
  const queued = [1, 2].map(() => codeOf(small.call('echo', { signal })))
  await until(() => small.pool.inspect().workers[0]?.load === 3)

  expect(await codeOf(small.call('echo'))).toBe('queue_full')

  controller.abort()
  expect(await Promise.all([running.outcome, ...queued])).toEqual(Array(3).fill('cancelled'))
  await until(() => idle(small))
  expect(await codeOf(small.call('echo'))).toBe('answered')
})

function image(): { id: string; bytes: Uint8Array } {
  return { id: 'a'.repeat(64), bytes: new Uint8Array([1]) }
}

/** Whether Python has no call and the slab no image. */
function idle({ pool }: FaultPool): boolean {
  const { slab, workers } = pool.inspect()
  return slab.free_bytes === slab.bytes && workers.every(({ load }) => load === 0)
}

/** The step after which Python says that it dropped the only call. */
async function lastStep({ log }: FaultPool, from: number): Promise<number> {
  const line = await log.line(/ended after step \d+/, from)
  return Number(/step (\d+)/.exec(line)?.[1])
}
