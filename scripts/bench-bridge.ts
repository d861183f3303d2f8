/**
 * What the bridge costs: from a buffer in Node to bytes in Python and a validated answer back, with
 * an engine that does nothing. Prints JSON. Run it with `npx tsx scripts/bench-bridge.ts`.
 */
import { cpus, loadavg } from 'node:os'
import { FaultPool } from '../tests/worker-bridge/fixtures/fault-pool.ts'

const MIB = 2 ** 20
const CONCURRENCY = 8
const WARM_UP_CALLS = 20
const CASES = [
  { bytes: 1_000, calls: 2000 },
  { bytes: 1_000_000, calls: 500 },
  { bytes: 10_000_000, calls: 150 },
]

const workers = await FaultPool.ready({ slab_bytes: 128 * MIB })
const results = []
for (const { bytes, calls } of CASES) {
  const image = new Uint8Array(bytes).fill(7)
  await measure(image, WARM_UP_CALLS, 1)
  const alone = await measure(image, calls, 1)
  const together = await measure(image, calls, CONCURRENCY)
  results.push({
    bytes,
    calls,
    p50_ms: percentile(alone.latencies_ms, 0.5),
    p99_ms: percentile(alone.latencies_ms, 0.99),
    calls_per_s_at_concurrency_8: Math.round(calls / (together.total_ms / 1000)),
  })
}
await workers.close()

const machine = { node: process.version, cpus: cpus().length, load_average: loadavg()[0] }
console.log(JSON.stringify({ date: new Date().toISOString(), machine, results }, null, 2))

/** Makes `calls` calls, so many at a time. */
async function measure(
  image: Uint8Array,
  calls: number,
  concurrency: number,
): Promise<{ latencies_ms: number[]; total_ms: number }> {
  const call = {
    id: 'bench',
    model: 'bench',
    task: 'size',
    request: {},
    image: { id: 'a'.repeat(64), bytes: image },
    timeout_ms: 30_000,
  }
  const { signal } = new AbortController()
  const latencies_ms: number[] = []
  const begin = performance.now()
  let left = calls
  const caller = async (): Promise<void> => {
    while (left-- > 0) {
      const start = performance.now()
      await workers.pool.run(call, { signal })
      latencies_ms.push(performance.now() - start)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, caller))
  return { latencies_ms, total_ms: performance.now() - begin }
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const value = sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]
  return Math.round((value ?? Number.NaN) * 100) / 100
}
