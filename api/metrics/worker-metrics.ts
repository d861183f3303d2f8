/** The workers, their queue, their batches and their shared memory. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { PoolDetails, Worker, WorkerState } from '../../worker-bridge/index.ts'
import type { MetricSource } from './metrics.ts'
import { WorkTally } from './work-tally.ts'

const STATES: readonly WorkerState[] = ['starting', 'ready', 'unresponsive', 'failed', 'closed']
const SIZES = [1, 2, 4, 8, 16, 32, 64, 128]

export class WorkerMetrics implements MetricSource {
  readonly #worker: Worker
  readonly #tally = new WorkTally()
  readonly #gauges: ReturnType<typeof gaugesIn>
  readonly #counts: ReturnType<typeof countsIn>

  constructor(worker: Worker, registry: Registry) {
    this.#worker = worker
    this.#gauges = gaugesIn(registry)
    this.#counts = countsIn(registry)
  }

  update(): void {
    const { queued, active } = this.#worker.status()
    const { slab, workers } = this.#worker.inspect()
    this.#gauges.queued.set(queued)
    this.#gauges.active.set(active)
    this.#gauges.slab.set({ use: 'free' }, slab.free_bytes)
    this.#gauges.slab.set({ use: 'used' }, slab.bytes - slab.free_bytes)
    this.#counts.restarts.reset()
    for (const [index, details] of workers.entries()) this.#updateWorker(index, details)
  }

  #updateWorker(index: number, details: PoolDetails['workers'][number]): void {
    const worker = `${index}`
    for (const state of STATES) {
      this.#gauges.state.set({ worker, state }, state === details.state ? 1 : 0)
    }
    this.#gauges.calls.set({ worker }, details.load)
    this.#counts.restarts.inc({ worker }, details.starts - 1)
    this.#addWork(index, details)
  }

  /** Adds what a worker did since the last time. */
  #addWork(index: number, { starts, work }: PoolDetails['workers'][number]): void {
    if (work === undefined) return
    const done = this.#tally.since(index, starts, work)
    this.#counts.lookups.inc({ result: 'hit' }, done.cache_hits)
    this.#counts.lookups.inc({ result: 'miss' }, done.cache_misses)
    for (const { step, seconds, sizes } of done.steps) {
      this.#counts.seconds.inc({ step }, seconds)
      for (const [size, batches] of sizes) {
        for (let batch = 0; batch < batches; batch++) this.#counts.sizes.observe({ step }, size)
      }
    }
  }
}

function gaugesIn(registry: Registry) {
  const registers = [registry]
  return {
    queued: new Gauge({ name: 'pixelllm_queue_calls', help: 'Calls that wait', registers }),
    active: new Gauge({
      name: 'pixelllm_active_calls',
      help: 'Calls that the workers work on, as of their last heartbeats',
      registers,
    }),
    slab: new Gauge({
      name: 'pixelllm_slab_bytes',
      help: 'Shared memory that carries images to the workers',
      labelNames: ['use'],
      registers,
    }),
    state: new Gauge({
      name: 'pixelllm_worker_state',
      help: '1 for the state that a worker is in, 0 for the others',
      labelNames: ['worker', 'state'],
      registers,
    }),
    calls: new Gauge({
      name: 'pixelllm_worker_calls',
      help: 'Calls that a worker has, waiting ones included',
      labelNames: ['worker'],
      registers,
    }),
  }
}

function countsIn(registry: Registry) {
  const registers = [registry]
  return {
    restarts: new Counter({
      name: 'pixelllm_worker_restarts_total',
      help: 'How often a worker was started again after it had stopped',
      labelNames: ['worker'],
      registers,
    }),
    lookups: new Counter({
      name: 'pixelllm_feature_cache_lookups_total',
      help: 'Calls by whether the features of their image were in memory (hit or miss)',
      labelNames: ['result'],
      registers,
    }),
    seconds: new Counter({
      name: 'pixelllm_step_seconds_total',
      help: 'Time in steps of the model, by what they do',
      labelNames: ['step'],
      registers,
    }),
    sizes: new Histogram({
      name: 'pixelllm_batch_size',
      help: 'Images, texts or masks that were computed together, by what the step does',
      labelNames: ['step'],
      buckets: SIZES,
      registers,
    }),
  }
}
