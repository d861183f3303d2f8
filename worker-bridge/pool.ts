import type { Word, WorkerCall, WorkerSettings } from '../schemas/index.ts'
import { Change } from './change.ts'
import { Deadline, within } from './deadline.ts'
import { WorkerError } from './errors.ts'
import type { Flight } from './flight.ts'
import { defaultLimits, type Limits } from './limits.ts'
import { type Lease, Slab } from './slab.ts'
import type {
  Answer,
  Call,
  Log,
  PoolDetails,
  RunOptions,
  Worker,
  WorkerState,
  WorkerStatus,
} from './types.ts'
import { PythonWorker } from './worker.ts'

const PYTHON_MODULE = 'pixelllm.worker.bridge'
/** The state of the pool is the first of these that one of its workers has. */
const BEST_FIRST: readonly WorkerState[] = ['ready', 'unresponsive', 'starting', 'failed', 'closed']
/** A call that was under way in so many crashes is taken for their cause. */
const MAX_CRASHES = 2
/** Leaves room for what makes a call's id unique, within the length that the wire allows. */
const MAX_ID_LENGTH = 180

export interface WorkersOptions extends Omit<WorkerSettings, 'slab' | 'host_pid'> {
  /** Path of the Python interpreter that has `pixelllm` installed. */
  readonly python: string
  /** Python processes to run, each with the model in its own memory. */
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
export class WorkerPool implements Worker {
  readonly #workers: readonly PythonWorker[]
  readonly #slab: Slab
  readonly #max_waiting: number
  readonly #change = new Change()
  readonly #running = new Set<Deadline>()
  #waiting = 0
  #submitted = 0
  #closed: Promise<void> | undefined

  constructor(options: WorkersOptions, slab: Slab) {
    this.#slab = slab
    this.#max_waiting = options.max_queue * options.workers
    this.#workers = Array.from({ length: options.workers }, (_, index) =>
      startWorker(options, slab, index, () => this.#change.notify()),
    )
  }

  async ready(): Promise<void> {
    while (this.#leastLoaded() === undefined) await this.#change.next()
  }

  async run(call: Call, options: RunOptions): Promise<Answer> {
    const deadline = new Deadline(call.timeout_ms, options.signal)
    this.#running.add(deadline)
    try {
      // First a worker, then a place for the image: without a worker it could be held for long.
      while (this.#leastLoaded() === undefined) await this.#wait(deadline.signal)
      const image = await this.#slab.write(call.image.bytes, deadline.signal)
      return await this.#answer(call, image, deadline, options.onWords)
    } finally {
      deadline.clear()
      this.#running.delete(deadline)
    }
  }

  status(): WorkerStatus {
    const { state, reason, models } = this.#best()
    const pulses = this.#workers.flatMap(({ pulse }) => pulse ?? [])
    return {
      state,
      ...(state !== 'ready' && reason !== undefined && { reason }),
      models,
      queued: pulses.reduce((sum, { queued }) => sum + queued, this.#waiting),
      active: pulses.reduce((sum, { active }) => sum + active, 0),
    }
  }

  inspect(): PoolDetails {
    return {
      slab: { ...this.#slab.settings, free_bytes: this.#slab.free_bytes },
      workers: this.#workers.map(({ state, pids, load, starts, pulse }) => ({
        state,
        host_pid: pids.host,
        python_pid: pids.python,
        load,
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
          if (!isCrash(error) || flight.words_sent || flights.length === MAX_CRASHES) throw error
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
    let worker = this.#leastLoaded()
    while (worker === undefined) {
      await this.#wait(signal)
      worker = this.#leastLoaded()
    }
    signal.throwIfAborted()
    // No pause since the choice: in it the worker could die, and other calls choose it as well.
    const message = this.#message(call, image, deadline, onWords !== undefined)
    return worker.submit(message, { signal, ...(onWords && { onWords }) })
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

  /** Undefined where no worker takes calls yet; throws where none ever will. */
  #leastLoaded(): PythonWorker | undefined {
    const { state, reason } = this.#best()
    if (state === 'failed') throw new WorkerError('model_unavailable', reason ?? 'no worker runs')
    if (state === 'closed') throw shuttingDown()

    const live = this.#workers.filter((worker) => worker.live)
    const responsive = live.filter((worker) => worker.state === 'ready')
    const candidates = responsive.length > 0 ? responsive : live
    return candidates.toSorted((a, b) => a.load - b.load)[0]
  }

  #best(): PythonWorker {
    const ranked = this.#workers.toSorted((a, b) => rank(a) - rank(b))
    const [best] = ranked
    if (best === undefined) throw new TypeError('a pool needs at least one worker')
    return best
  }

  async #close(): Promise<void> {
    for (const deadline of this.#running) deadline.abort(shuttingDown())
    const closing = this.#workers.map((worker) => worker.close())
    this.#change.notify()
    await Promise.all(closing)
    await this.#slab.close()
  }
}

function startWorker(
  options: WorkersOptions,
  slab: Slab,
  index: number,
  onChange: () => void,
): PythonWorker {
  const { python, model, models, device, dtype, threads } = options
  const { max_queue, max_batch, feature_cache_bytes } = options
  const { module = PYTHON_MODULE, env = {} } = options
  const log = options.workers === 1 ? options.log : named(options.log, `worker ${index}`)
  return new PythonWorker({
    host: { python, module, env, log },
    settings: {
      model,
      models,
      device,
      dtype,
      threads,
      slab: slab.settings,
      max_queue,
      max_batch,
      feature_cache_bytes,
    },
    limits: { ...defaultLimits, ...options.limits },
    onChange,
  })
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

function isCrash(error: unknown): boolean {
  return error instanceof WorkerError && error.code === 'worker_crashed'
}

function shuttingDown(): WorkerError {
  return new WorkerError('shutting_down', 'the server is shutting down')
}
