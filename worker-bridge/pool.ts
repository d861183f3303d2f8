import type {
  ErrorCode,
  LoadedModel,
  ModelId,
  ModelSource,
  TrainingPlan,
  TrainOutcome,
  Word,
  WorkerCall,
  WorkerSettings,
} from '../schemas/index.ts'
import { Change } from './change.ts'
import { Deadline, within } from './deadline.ts'
import { WorkerError } from './errors.ts'
import type { Flight } from './flight.ts'
import { defaultLimits, type Limits } from './limits.ts'
import { Models } from './models.ts'
import { type Lease, Slab } from './slab.ts'
import type {
  Answer,
  Call,
  Job,
  Log,
  OrderOptions,
  PoolDetails,
  RunOptions,
  TrainOptions,
  Worker,
  WorkerState,
  WorkerStatus,
  Workshop,
} from './types.ts'
import { PythonWorker } from './worker.ts'

const PYTHON_MODULE = 'pixelllm.worker.bridge'
/** The state of the pool is the first of these that one of its workers has. */
const BEST_FIRST: readonly WorkerState[] = ['ready', 'unresponsive', 'starting', 'failed', 'closed']
/** A call that was under way in so many crashes is taken for their cause. */
const MAX_CRASHES = 2
/** Leaves room for what makes a call's id unique, within the length that the wire allows. */
const MAX_ID_LENGTH = 180
const NEVER = new AbortController().signal

export interface WorkersOptions extends Omit<WorkerSettings, 'slab' | 'host_pid'> {
  /** Path of the Python interpreter that has `pixelllm` installed. */
  readonly python: string
  /** Python processes to run, each with the models in its own memory. */
  readonly workers: number
  /** Shared memory for images on their way to Python. */
  readonly slab_bytes: number
  readonly log: Log
  /** Python module with the functions of the wire. */
  readonly module?: string
  /** Environment variables for Python, beside this process's own. */
  readonly env?: Readonly<Record<string, string>>
  readonly limits?: Partial<Limits>
}

/** Starts Python workers. Returns while they load; `ready()` tells when the first one answers. */
export async function startWorkers(options: WorkersOptions): Promise<WorkerPool> {
  const slab = await Slab.open({ bytes: options.slab_bytes, log: options.log })
  return new WorkerPool(options, slab)
}

/** The workers of one gateway, their slab, and the calls that wait for one of them. */
export class WorkerPool implements Worker, Workshop {
  readonly #workers: readonly PythonWorker[]
  readonly #models: Models
  readonly #slab: Slab
  readonly #limits: Limits
  readonly #max_waiting: number
  readonly #change = new Change()
  readonly #running = new Set<Deadline>()
  #waiting = 0
  #submitted = 0
  #closed: Promise<void> | undefined

  constructor(options: WorkersOptions, slab: Slab) {
    this.#slab = slab
    this.#max_waiting = options.max_queue * options.workers
    this.#limits = { ...defaultLimits, ...options.limits }
    this.#models = new Models({
      workers: () => this.#workers ?? [],
      active: options.models,
      limits: this.#limits,
      log: options.log,
    })
    this.#workers = Array.from({ length: options.workers }, (_, index) =>
      this.#start(options, index),
    )
  }

  async ready(): Promise<void> {
    while (this.#leastLoaded() === undefined) await this.#change.next()
  }

  async run(call: Call, options: RunOptions): Promise<Answer> {
    return this.#within(call.timeout_ms, options.signal, async (deadline) => {
      // First a worker, then a place for the image: without a worker it could be held for long.
      await this.#chosen(() => this.#answering(call.model), deadline.signal)
      const image = await this.#slab.write(call.image.bytes, deadline.signal)
      return await this.#answer(call, image, deadline, options.onWords)
    })
  }

  load(model: ModelSource, { timeout_ms }: OrderOptions): Promise<LoadedModel> {
    return this.#within(timeout_ms, NEVER, async ({ signal }) => {
      await this.#chosen(() => this.#leastLoaded(), signal)
      return this.#models.load(model, signal)
    })
  }

  unload(model: ModelId, { timeout_ms }: OrderOptions): Promise<void> {
    return this.#within(timeout_ms, NEVER, ({ signal }) => this.#models.unload(model, signal))
  }

  check(plan: TrainingPlan, { timeout_ms }: OrderOptions): Promise<{ readonly steps: number }> {
    return this.#within(timeout_ms, NEVER, async ({ signal }) => {
      const worker = await this.#chosen(() => this.#leastLoaded(), signal)
      return { steps: await worker.check(plan, signal) }
    })
  }

  /** A worker that starts is waited for as long as it may take. */
  async train(job: Job, { signal }: TrainOptions): Promise<TrainOutcome> {
    if (signal.aborted) return 'stopped'
    try {
      const { outcome } = await this.#within(this.#limits.start_ms, signal, (deadline) =>
        this.#chosen(() => this.#beginTraining(job, signal), deadline.signal),
      )
      return await outcome
    } catch (error) {
      if (signal.aborted && isCode(error, 'cancelled')) return 'stopped'
      if (this.#closed !== undefined && isCode(error, 'worker_crashed')) throw shuttingDown()
      throw error
    }
  }

  status(): WorkerStatus {
    const { state, reason } = this.#best()
    const pulses = this.#workers.flatMap(({ pulse }) => pulse ?? [])
    return {
      state,
      ...(state !== 'ready' && reason !== undefined && { reason }),
      models: this.#models.loaded,
      faults: this.#models.faults,
      queued: pulses.reduce((sum, { queued }) => sum + queued, this.#waiting),
      active: pulses.reduce((sum, { active }) => sum + active, 0),
    }
  }

  inspect(): PoolDetails {
    return {
      slab: { ...this.#slab.settings, free_bytes: this.#slab.free_bytes },
      workers: this.#workers.map(({ state, pids, load, models, trains, starts, pulse }) => ({
        state,
        host_pid: pids.host,
        python_pid: pids.python,
        load,
        models: models.map(({ id }) => id),
        trains,
        starts,
        work: pulse?.work,
      })),
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  /** Asks Python, and once more where a crash took the answer before the caller saw any of it. */
  async #answer(
    call: Call,
    image: Lease,
    deadline: Deadline,
    onWords: ((words: Word[]) => void) | undefined,
  ): Promise<Answer> {
    const flights: Flight[] = []
    try {
      for (;;) {
        const flight = await this.#submit(call, image, deadline, onWords)
        flights.push(flight)
        try {
          return await flight.answer
        } catch (error) {
          if (
            !isCode(error, 'worker_crashed') ||
            flight.words_sent ||
            flights.length === MAX_CRASHES
          )
            throw error
        }
      }
    } finally {
      void Promise.all(flights.map(({ landed }) => landed)).then(image.release)
    }
  }

  /** Gives the call to a worker as soon as there is one. */
  async #submit(
    call: Call,
    image: Lease,
    deadline: Deadline,
    onWords: ((words: Word[]) => void) | undefined,
  ): Promise<Flight> {
    const { signal } = deadline
    return this.#chosen(() => {
      signal.throwIfAborted()
      // No pause after the choice: in it the worker could die, and other calls choose it as well.
      const worker = this.#answering(call.model)
      const message = this.#message(call, image, deadline, onWords !== undefined)
      return worker?.submit(message, { signal, ...(onWords && { onWords }) })
    }, signal)
  }

  /** The call as it crosses to Python. Callers may use an id twice, so a number is added to it. */
  #message(call: Call, image: Lease, deadline: Deadline, stream: boolean): WorkerCall {
    this.#submitted += 1
    return {
      id: `${call.id.slice(0, MAX_ID_LENGTH)}#${this.#submitted}`,
      model: call.model,
      task: call.task,
      request: { ...call.request },
      image: { id: call.image.id, offset: image.offset, bytes: image.bytes },
      ttl_ms: deadline.remaining_ms,
      stream,
    }
  }

  /** Waits until the state of a worker changes. */
  async #wait(signal: AbortSignal): Promise<void> {
    if (this.#waiting >= this.#max_waiting) {
      throw new WorkerError('queue_full', `${this.#waiting} calls already wait for a worker`)
    }
    this.#waiting += 1
    try {
      await within(this.#change.next(), signal)
    } finally {
      this.#waiting -= 1
    }
  }

  /** Waits until there is something to choose. */
  async #chosen<T>(choose: () => T | undefined, signal: AbortSignal): Promise<T> {
    for (;;) {
      const chosen = choose()
      if (chosen !== undefined) return chosen
      await this.#wait(signal)
    }
  }

  /** The outcome to come; undefined where no worker takes orders yet. */
  #beginTraining(job: Job, signal: AbortSignal): { outcome: Promise<TrainOutcome> } | undefined {
    const worker = this.#idlest()
    return worker && { outcome: worker.train(job, signal) }
  }

  /** Undefined where no worker has the model yet; throws where none ever will. */
  #answering(model: ModelId): PythonWorker | undefined {
    const worker = this.#leastLoaded((worker) => worker.has(model))
    if (worker !== undefined || !this.#workers.some(({ live }) => live)) return worker
    if (!this.#models.isActive(model)) {
      throw new WorkerError('model_not_found', `the model ${model} is not loaded`)
    }
    if (this.#workers.some((other) => this.#models.isBehind(other))) return undefined
    const message = `the model ${model} could not be loaded again; the server's log says why`
    throw new WorkerError('model_unavailable', message)
  }

  /** One that does not train yet; undefined where none takes orders yet. */
  #idlest(): PythonWorker | undefined {
    const worker = this.#leastLoaded(({ trains }) => !trains)
    if (worker === undefined && this.#workers.every(({ trains }) => trains)) {
      throw new WorkerError('queue_full', 'every worker works on a training job already')
    }
    return worker
  }

  /** Undefined where no worker that fits is live yet; throws where none ever will be. */
  #leastLoaded(fits: (worker: PythonWorker) => boolean = () => true): PythonWorker | undefined {
    const { state, reason } = this.#best()
    if (state === 'failed') throw new WorkerError('model_unavailable', reason ?? 'no worker runs')
    if (state === 'closed') throw shuttingDown()

    const live = this.#workers.filter((worker) => worker.live && fits(worker))
    const responsive = live.filter((worker) => worker.state === 'ready')
    const candidates = responsive.length > 0 ? responsive : live
    return candidates.toSorted((a, b) => a.load - b.load)[0]
  }

  /** Acts with a deadline, which closing the pool ends. */
  async #within<T>(
    timeout_ms: number,
    caller: AbortSignal,
    act: (deadline: Deadline) => Promise<T>,
  ): Promise<T> {
    const deadline = new Deadline(timeout_ms, caller)
    this.#running.add(deadline)
    try {
      return await act(deadline)
    } finally {
      deadline.clear()
      this.#running.delete(deadline)
    }
  }

  #best(): PythonWorker {
    const ranked = this.#workers.toSorted((a, b) => rank(a) - rank(b))
    const [best] = ranked
    if (best === undefined) throw new TypeError('a pool needs at least one worker')
    return best
  }

  #start(options: WorkersOptions, index: number): PythonWorker {
    const { python, model, device, dtype, threads, module = PYTHON_MODULE, env = {} } = options
    const { max_queue, max_batch, feature_cache_bytes } = options
    const log = options.workers === 1 ? options.log : named(options.log, `worker ${index}`)
    const fixed = { model, device, dtype, threads, max_queue, max_batch, feature_cache_bytes }
    const worker: PythonWorker = new PythonWorker({
      host: { python, module, env, log },
      settings: (alone) => {
        const models = alone ? [] : this.#models.trusted
        return { ...fixed, models, slab: this.#slab.settings }
      },
      limits: this.#limits,
      onReady: () => void this.#models.update(worker).then(() => this.#change.notify()),
      onChange: () => this.#change.notify(),
    })
    return worker
  }

  async #close(): Promise<void> {
    for (const deadline of this.#running) deadline.abort(shuttingDown())
    const closing = this.#workers.map((worker) => worker.close())
    this.#change.notify()
    await Promise.all(closing)
    await this.#slab.close()
  }
}

function named(log: Log, name: string): Log {
  return {
    info: (message) => log.info(`${name}: ${message}`),
    warn: (message) => log.warn(`${name}: ${message}`),
    error: (message) => log.error(`${name}: ${message}`),
  }
}

function rank({ state }: PythonWorker): number {
  return BEST_FIRST.indexOf(state)
}

function isCode(error: unknown, code: ErrorCode): boolean {
  return error instanceof WorkerError && error.code === code
}

function shuttingDown(): WorkerError {
  return new WorkerError('shutting_down', 'the server is shutting down')
}
