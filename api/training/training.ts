/** Training jobs as the routes need them: what is asked of them, and all that runs behind that. */
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Queue } from 'bull'
import type { FastifyBaseLogger } from 'fastify'
import type { TrainingJob, TrainingJobId, TrainingJobRequest } from '../../schemas/index.ts'
import type { Workshop } from '../../worker-bridge/index.ts'
import { storageFailure } from '../write-whole.ts'
import { cancelJob, pauseJob, resumeJob } from './changes.ts'
import { JobCreator } from './creator.ts'
import { Followers } from './followers.ts'
import { IdempotencyKeys } from './idempotency.ts'
import { JobStore } from './job-store.ts'
import type { JobCounts } from './job-tally.ts'
import { defaultTrainingLimits, type TrainingLimits } from './limits.ts'
import type { TrainingDatasets, TrainingModels } from './ports.ts'
import { identifyProcess } from './process-identity.ts'
import type { QueueAddress } from './queue-clients.ts'
import { findQueuePlace, placeSocket } from './queue-place.ts'
import { QueueServer } from './queue-server.ts'
import { Reconciler } from './reconciler.ts'
import type { Run } from './run.ts'
import { Supervisor } from './supervisor.ts'
import { TrainingQueue } from './training-queue.ts'

export interface TrainingSettings {
  readonly data_dir: string
  /** The server of the queue; null for one of the data folder's own. */
  readonly redis_url: string | null
  /** The Python interpreter that has `pixelllm`. */
  readonly worker_python: string
  /** Whether this gateway works on jobs, or only takes them for others to work on. */
  readonly training: boolean
}

export interface TrainingOptions {
  readonly settings: TrainingSettings
  readonly workshop: Workshop
  readonly datasets: TrainingDatasets
  readonly models: TrainingModels
  readonly log: FastifyBaseLogger
  readonly limits?: Partial<TrainingLimits>
}

interface Parts {
  readonly store: JobStore
  readonly keys: IdempotencyKeys
  readonly queue: TrainingQueue
  readonly server: QueueServer | undefined
  readonly limits: TrainingLimits
}

export class Training {
  /** The runs, to be read; whatever the queue does, they are there. */
  readonly store: JobStore
  readonly followers: Followers
  readonly #parts: Parts
  readonly #creator: JobCreator
  readonly #supervisor: Supervisor
  readonly #reconciler: Reconciler
  readonly #putting = new Set<Promise<void>>()
  #closed: Promise<void> | undefined

  private constructor(options: TrainingOptions, parts: Parts) {
    const { settings, workshop, datasets, models, log } = options
    const { store, queue, keys, limits } = parts
    this.store = store
    this.#parts = parts
    this.followers = new Followers(limits)
    this.#creator = new JobCreator({
      store,
      keys,
      workshop,
      datasets,
      models,
      check_ms: limits.check_ms,
    })
    const modelFolder = (model: string): string => resolve(settings.data_dir, 'models', model)
    this.#supervisor = new Supervisor({
      store,
      workshop,
      datasets,
      models,
      modelFolder,
      limits,
      log,
    })
    this.#reconciler = new Reconciler({
      store,
      queue,
      datasets,
      every_ms: limits.reconcile_ms,
      log,
    })
    this.#reconciler.start()
    if (settings.training) this.#work()
  }

  /** Opens the runs and starts everything else, which may take its time or fail: nobody waits. */
  static async open(options: TrainingOptions): Promise<Training> {
    const { settings, log } = options
    const limits = { ...defaultTrainingLimits, ...options.limits }
    const data = resolve(settings.data_dir)
    await mkdir(data, { recursive: true })
    const store = await JobStore.open(join(data, 'runs'), log)
    const keys = await IdempotencyKeys.open(join(data, 'idempotency'))
    const place = await findQueuePlace(data)
    const url = settings.redis_url
    const address: QueueAddress =
      url === null ? { socket: await socketOf(place.folder, log) } : { url }
    const server =
      'socket' in address
        ? new QueueServer({ ...place, ...address, python: settings.worker_python, log })
        : undefined
    const token = await identifyProcess()
    const queue = new TrainingQueue({ address, name: place.name, token, limits, log })
    return new Training(options, { store, keys, queue, server, limits })
  }

  /** Whether the queue answered at the last look. */
  get isQueueReady(): boolean {
    return this.#parts.queue.isReady
  }

  /** What the jobs were when they were last compared with the queue. */
  get counts(): JobCounts {
    return this.#reconciler.tally.counts
  }

  /** What Bull's board shows. */
  get bull(): Queue<object> {
    return this.#parts.queue.bull
  }

  /** Makes a job, or finds the one that the same request with the same key made before. */
  async create(request: TrainingJobRequest, key: string | undefined): Promise<TrainingJob> {
    const known = await this.#creator.find(request, key)
    if (known !== undefined) return known.job()
    await this.#parts.queue.require()
    const run = await this.#creator.create(request, key)
    await this.#enqueue(run)
    return run.job()
  }

  cancel(id: TrainingJobId): Promise<TrainingJob> {
    return this.#change(id, cancelJob)
  }

  pause(id: TrainingJobId): Promise<TrainingJob> {
    return this.#change(id, pauseJob)
  }

  resume(id: TrainingJobId): Promise<TrainingJob> {
    return this.#change(id, resumeJob)
  }

  /** Stops what runs after its present step, and ends everything that was started. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  #work(): void {
    const { queue } = this.#parts
    queue.work(
      (id) => this.#supervisor.carryOut(id),
      (id) => this.#putBack(id),
    )
  }

  /** A job that is interrupted, or resumed already, waits in front of those that have not begun. */
  #putBack(id: TrainingJobId): void {
    const putting = this.#reconciler.enqueue(id, { first: true }).catch(() => {})
    this.#putting.add(putting)
    void putting.finally(() => this.#putting.delete(putting))
  }

  async #change(id: TrainingJobId, change: (run: Run) => Promise<void>): Promise<TrainingJob> {
    const run = await this.store.get(id)
    await this.#parts.queue.require()
    await change(run).catch((error) => {
      throw storageFailure(error)
    })
    await this.#enqueue(run)
    return run.job()
  }

  /** What does not get into the queue now, because it goes away at this moment, is put in line later. */
  async #enqueue({ record }: Run): Promise<void> {
    await this.#reconciler.enqueue(record.id).catch(() => {})
  }

  async #close(): Promise<void> {
    const { keys, queue, server } = this.#parts
    this.followers.close()
    keys.close()
    // First no further job, then an end to the present one, then its place in line.
    const resting = queue.rest()
    await Promise.all([this.#supervisor.close(), this.#reconciler.close()])
    await resting
    await Promise.all(this.#putting)
    await queue.close()
    await server?.close()
  }
}

/** Where there is no place for a socket, the queue is away, and everything else is there. */
async function socketOf(folder: string, log: FastifyBaseLogger): Promise<string> {
  try {
    return await placeSocket(folder)
  } catch (error) {
    log.error({ err: error }, 'the job queue has no place')
    return join(folder, 'socket')
  }
}
