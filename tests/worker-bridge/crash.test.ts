/** What the death of Python means for calls. One worker, killed in every test. */
import { jest } from '@jest/globals'
import { codeOf, FaultPool } from './fixtures/fault-pool.ts'
import { until } from './fixtures/processes.ts'

jest.setTimeout(30_000)

let workers: FaultPool

beforeAll(async () => {
  workers = await FaultPool.ready({ limits: { max_backoff_ms: 20 } })
})

beforeEach(() => workers.pool.ready())

afterAll(() => FaultPool.closeAll())

test('rejects the calls whose words were seen, at once', async () => {
  const running = await Promise.all([workers.begin(), workers.begin()])

  process.kill(workers.pids().python, 'SIGKILL')

  const outcomes = await Promise.all(running.map(({ outcome }) => outcome))
  expect(outcomes).toEqual(['worker_crashed', 'worker_crashed'])
})

test('starts again and answers those calls of which nobody saw a word', async () => {
  const { python } = workers.pids()
  const request = { steps: 25, step_ms: 20 }
  const calls = [1, 2, 3].map((number) => workers.call('crc', { request, image: image(number) }))
  await until(() => workers.pool.inspect().workers[0]?.load === 3)

  process.kill(python, 'SIGKILL')

  const answers = await Promise.all(calls)
  expect(workers.pids().python).not.toBe(python)
  for (const { result } of answers) expect(result).toMatchObject({ pid: workers.pids().python })
})

test('lets calls that come while it is down wait for the next start', async () => {
  process.kill(workers.pids().python, 'SIGKILL')
  await until(() => workers.pool.status().state === 'starting')

  expect(await codeOf(workers.call('echo'))).toBe('answered')
})

test('lets them wait no longer than their own time', async () => {
  await workers.order('missing')
  process.kill(workers.pids().python, 'SIGKILL')
  await until(() => workers.pool.status().state === 'starting')

  const late = workers.call('echo', { timeout_ms: 50 })

  expect(await codeOf(late)).toBe('deadline_exceeded')
  await workers.order('load')
})

test('gives a call up that was under way in two crashes', async () => {
  const before = starts()

  expect(await codeOf(workers.call('kill'))).toBe('worker_crashed')

  expect(await codeOf(workers.call('echo'))).toBe('answered')
  expect(starts()).toBe(before + 2)
})

test('has its places in the slab free again', async () => {
  const running = await workers.begin({ image: image(1) })

  process.kill(workers.pids().python, 'SIGKILL')
  await running.outcome

  await until(() => workers.pool.inspect().slab.free_bytes === workers.pool.inspect().slab.bytes)
})

function starts(): number {
  return workers.pool.inspect().workers[0]?.starts ?? 0
}

function image(seed: number): Uint8Array {
  return new Uint8Array(100_000).fill(seed)
}
