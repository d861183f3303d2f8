import type {
  LoadedModel,
  ModelId,
  ModelSource,
  Slab,
  Timing,
  TrainingPlan,
  TrainOrder,
  TrainOutcome,
  Word,
  WorkCounts,
} from '../schemas/index.ts'

/** Where the bridge and Python write what they do, one line at a time; pino's loggers are such. */
export interface Log {
  info(message: string): void
  warn(message: string): void
  error(message: string): void
}

/** One question for the worker. */
export interface Call {
  /** Unique while it runs; the HTTP request's id. */
  readonly id: string
  /** One of those that are loaded. */
  readonly model: ModelId
  readonly task: string
  /** The validated options of the task. */
  readonly request: Readonly<Record<string, unknown>>
  readonly image: {
    /** SHA-256 of the bytes, in hexadecimal. */
    readonly id: string
    /** The image file as it was received. */
    readonly bytes: Uint8Array
  }
  /** How long the caller waits for the answer, in milliseconds. */
  readonly timeout_ms: number
}

export interface RunOptions {
  /** Aborted when nobody wants the answer any more. */
  readonly signal: AbortSignal
  /** Asks for the words as they are written; called once for every step that completed some. */
  readonly onWords?: (words: Word[]) => void
}

export interface Answer {
  /** The output of the task, not yet validated. */
  readonly result: unknown
  readonly timing: Timing
}

export type WorkerState = 'starting' | 'ready' | 'unresponsive' | 'failed' | 'closed'

export interface WorkerStatus {
  /** `ready` when at least one worker has its model and answers. */
  readonly state: WorkerState
  /** One sentence for people: why it is not ready. */
  readonly reason?: string
  /** The models that are loaded; empty before the first `ready`. */
  readonly models: readonly LoadedModel[]
  /** Why trained models are left out that were to be loaded. */
  readonly faults: ReadonlyMap<ModelId, string>
  /** Calls that wait, in all workers. */
  readonly queued: number
  /** Calls that run, in all workers. */
  readonly active: number
}

/** What runs, for people, for metrics and for tests. */
export interface PoolDetails {
  readonly slab: Slab & { readonly free_bytes: number }
  readonly workers: readonly {
    readonly state: WorkerState
    readonly host_pid: number | undefined
    readonly python_pid: number | undefined
    /** Calls that Python has. */
    readonly load: number
    /** Names of the models that it has, or had last. */
    readonly models: readonly ModelId[]
    /** Whether it works on a training job. */
    readonly trains: boolean
    /** How often Python was started. */
    readonly starts: number
    /** What Python has done since its last start, as of its last heartbeat. */
    readonly work: WorkCounts | undefined
  }[]
}

/** A pool of Python workers as one object. Everything it throws is a `WorkerError`. */
export interface Worker {
  /** Resolves when a worker has its model; rejects with `model_unavailable` when none can load it. */
  ready(): Promise<void>
  /** Runs one call; a call that comes while the worker starts waits inside its own timeout. */
  run(call: Call, options: RunOptions): Promise<Answer>
  status(): WorkerStatus
  inspect(): PoolDetails
  /** Ends every process. Calls in flight reject with `shutting_down`. May be called twice. */
  close(): Promise<void>
}

/** What the workers do besides answering. Everything it throws is a `WorkerError`. */
export interface Workshop {
  /**
   * Loads a trained model in every worker, those that start later included. Rejects, and leaves it
   * loaded nowhere, where one cannot.
   */
  load(model: ModelSource, options: OrderOptions): Promise<LoadedModel>
  /** Lets go of a trained model in every worker, when its calls are answered. */
  unload(model: ModelId, options: OrderOptions): Promise<void>
  /** Whether a recipe can be followed, and in how many steps; `invalid_request` says why not. */
  check(plan: TrainingPlan, options: OrderOptions): Promise<{ readonly steps: number }>
  /**
   * Has one worker work on a training job. Rejects with `worker_crashed` when that worker dies; an
   * abort stops it after its present step, and it resolves `stopped`.
   */
  train(job: Job, options: TrainOptions): Promise<TrainOutcome>
}

/** A training job, and which attempt at it this is. */
export type Job = Omit<TrainOrder, 'kind' | 'id'>

export interface OrderOptions {
  readonly timeout_ms: number
}

export interface TrainOptions {
  readonly signal: AbortSignal
}
