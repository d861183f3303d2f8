/** The training jobs, their queue, and the models that were trained. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import { TRAINING_JOB_STATUSES, type TrainingProgress } from '../../schemas/index.ts'
import type { JobCounts } from '../training/index.ts'
import type { MetricSource } from './metrics.ts'

/** From a job that fails at once to one of a day. */
const SECONDS = [10, 60, 300, 900, 3600, 10_800, 43_200, 86_400]

/** What is asked of the training jobs. */
export interface JobSource {
  readonly isQueueReady: boolean
  /** As of the last comparison of the runs with the queue. */
  readonly counts: JobCounts
}

export class TrainingMetrics implements MetricSource {
  readonly #jobs: JobSource
  readonly #activeModels: () => number
  readonly #gauges: ReturnType<typeof gaugesIn>
  readonly #ends: Counter<'status' | 'code'>
  readonly #seconds: Histogram<'status'>
  /** How many ends are counted already. */
  #counted = 0

  constructor(jobs: JobSource, activeModels: () => number, registry: Registry) {
    this.#jobs = jobs
    this.#activeModels = activeModels
    this.#gauges = gaugesIn(registry)
    this.#ends = new Counter({
      name: 'pixelllm_training_job_ends_total',
      help: 'Jobs that ended while this gateway ran, by how, and by why where they failed',
      labelNames: ['status', 'code'],
      registers: [registry],
    })
    this.#seconds = new Histogram({
      name: 'pixelllm_training_job_seconds',
      help: 'From the first step of a job to its end, its pauses included',
      labelNames: ['status'],
      buckets: SECONDS,
      registers: [registry],
    })
  }

  update(): void {
    const { isQueueReady, counts } = this.#jobs
    this.#gauges.queue.set(isQueueReady ? 1 : 0)
    this.#gauges.models.set(this.#activeModels())
    for (const status of TRAINING_JOB_STATUSES) {
      this.#gauges.jobs.set({ status }, counts.jobs.get(status) ?? 0)
    }
    this.#setPace(counts.running)
    for (const { status, code, seconds } of counts.ends.slice(this.#counted)) {
      this.#ends.inc({ status, code: code ?? '' })
      this.#seconds.observe({ status }, seconds)
    }
    this.#counted = counts.ends.length
  }

  /** Of all jobs that run, together. */
  #setPace(running: readonly (TrainingProgress | null)[]): void {
    const known = running.filter((progress) => progress !== null)
    const sum = (of: (progress: TrainingProgress) => number): number =>
      known.reduce((total, progress) => total + of(progress), 0)
    this.#gauges.steps.set(
      { steps: 'done' },
      sum(({ step }) => step),
    )
    this.#gauges.steps.set(
      { steps: 'left' },
      sum(({ step, steps }) => steps - step),
    )
    this.#gauges.pace.set(sum(({ images_per_s }) => images_per_s ?? 0))
    this.#gauges.remaining.set(sum(({ remaining_s }) => remaining_s ?? 0))
  }
}

function gaugesIn(registry: Registry) {
  const registers = [registry]
  return {
    queue: new Gauge({
      name: 'pixelllm_training_queue_up',
      help: '1 where the job queue answers, 0 where it is away',
      registers,
    }),
    jobs: new Gauge({
      name: 'pixelllm_training_jobs',
      help: 'Training jobs of the data folder by their status',
      labelNames: ['status'],
      registers,
    }),
    steps: new Gauge({
      name: 'pixelllm_training_steps',
      help: 'Steps of the jobs that run: done, and left',
      labelNames: ['steps'],
      registers,
    }),
    pace: new Gauge({
      name: 'pixelllm_training_images_per_second',
      help: 'Pace of the jobs that run, as of their last reports',
      registers,
    }),
    remaining: new Gauge({
      name: 'pixelllm_training_remaining_seconds',
      help: 'What the jobs that run still take, as of their last reports',
      registers,
    }),
    models: new Gauge({
      name: 'pixelllm_models_active',
      help: 'Models that can be asked, the own one of the server included',
      registers,
    }),
  }
}
