/** No answer may ever come from another call's image, however calls end. */
import { randomFillSync } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import { jest } from '@jest/globals'
import { codeOf, FaultPool } from './fixtures/fault-pool.ts'
import { until } from './fixtures/processes.ts'

jest.setTimeout(60_000)

const CALLERS = 12
const KIB = 1024

afterEach(() => FaultPool.closeAll())

test('thousands of calls with random aborts are all answered from their own image', async () => {
  const workers = await FaultPool.ready({ slab_bytes: 3072 * KIB })

  const counts = await load(workers, 2000)

  expect(counts.wrong).toBe(0)
  expect(counts.right).toBeGreaterThan(200)
  expect(counts.cancelled).toBeGreaterThan(200)
  expect(lostImages(workers)).toEqual([])
  await until(() => idle(workers))
})

test('so are calls whose worker is killed again and again', async () => {
  const workers = await FaultPool.ready({
    slab_bytes: 3072 * KIB,
    limits: { max_backoff_ms: 50 },
  })
  const killing = new AbortController()
  const killer = killRepeatedly(workers, killing.signal)

  const counts = await load(workers, 400)
  // A fast machine is through before the second kill: go on until there were a few.
  while (startsOf(workers) <= 2) await load(workers, 100, counts)

  killing.abort()
  await killer
  expect(counts.wrong).toBe(0)
  expect(counts.right).toBeGreaterThan(40)
  expect(lostImages(workers)).toEqual([])
  await until(() => idle(workers))
})

interface Counts {
  right: number
  wrong: number
  cancelled: number
  crashed: number
}

/** Calls from many callers at once; half of them hang up after 0 to 4 ms. */
async function load(
  workers: FaultPool,
  calls: number,
  counts: Counts = { right: 0, wrong: 0, cancelled: 0, crashed: 0 },
): Promise<Counts> {
  let left = calls
  const callers = Array.from({ length: CALLERS }, async () => {
    while (left-- > 0) await callOnce(workers, counts)
  })
  await Promise.all(callers)
  return counts
}

function startsOf(workers: FaultPool): number {
  return workers.pool.inspect().workers[0]?.starts ?? 0
}

async function callOnce(workers: FaultPool, counts: Counts): Promise<void> {
  const image = randomImage()
  const controller = new AbortController()
  const hangUp =
    Math.random() < 0.5 ? setTimeout(() => controller.abort(), Math.random() * 4) : undefined
  const request = { steps: Math.floor(Math.random() * 3) }

  const answer = workers.call('crc', { image, request, signal: controller.signal })
  const outcome = await codeOf(answer)
  clearTimeout(hangUp)

  if (outcome === 'cancelled') counts.cancelled += 1
  else if (outcome === 'worker_crashed') counts.crashed += 1
  else if (isRight((await answer).result, image)) counts.right += 1
  else counts.wrong += 1
}

/** Small and large, so that all of the slab is in use and some images spill out of it. */
function randomImage(): Uint8Array {
  const image = new Uint8Array(KIB * (1 + Math.floor(Math.random() ** 3 * 1000)))
  return randomFillSync(image)
}

function isRight(result: unknown, image: Uint8Array): boolean {
  return Reflect.get(Object(result), 'crc') === crc32(image)
}

/** Lets each Python answer for a moment before it is killed. */
async function killRepeatedly(workers: FaultPool, signal: AbortSignal): Promise<void> {
  for (;;) {
    await workers.pool.ready()
    await sleep(100 + Math.random() * 200)
    if (signal.aborted) return
    process.kill(workers.pids().python, 'SIGKILL')
    await until(() => workers.pool.status().state !== 'ready')
  }
}

/** Calls, the aborted ones included, whose image was gone before Python was done with them. */
function lostImages({ log }: FaultPool): string[] {
  return log.lines.filter((line) => line.includes('is not there any more'))
}

function idle({ pool }: FaultPool): boolean {
  const { slab, workers } = pool.inspect()
  return slab.free_bytes === slab.bytes && workers.every(({ load }) => load === 0)
}
