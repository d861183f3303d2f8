import { setTimeout as sleep } from 'node:timers/promises'
import type {
  LoadedModel,
  ModelId,
  ModelSource,
  Pong,
  TrainingPlan,
  TrainOutcome,
  WorkerCall,
} from '../schemas/index.ts'
import type { Flight } from './flight.ts'
import { Session, type SessionOptions } from './session.ts'
import type { Job, RunOptions, WorkerState } from './types.ts'

export interface PythonWorkerOptions extends Omit<SessionOptions, 'settings' | 'onReady'> {
  /** What the next Python is to load; with `alone`, no trained models at first. */
  readonly settings: (alone: boolean) => SessionOptions['settings']
  /** Called whenever Python has loaded its models. */
  readonly onReady: () => void
  /** Called whenever `state` may have changed. */
  readonly onChange: () => void
}

/**
 * One Python worker: sessions, one after the other, with a pause between them that grows.
 *
 * The first session has to reach `ready`. One that does not is a fault of the set-up, which no
 * repetition mends: the worker has failed, and `reason` says why. After that a crash, and a model
 * that cannot be loaded again, are met with another start. A trained model may be what ends Python
 * while it loads, so a start with some that does not reach `ready` is followed by one without any.
 */
export class PythonWorker {
  readonly #options: PythonWorkerOptions
  readonly #closing = new AbortController()
  readonly #finished: Promise<void>
  #session: Session
  #models: readonly LoadedModel[] = []
  #failed = false
  /** Trained models that the session was told to load. */
  #trained = 0
  #reason: string | undefined
  #starts = 1

  constructor(options: PythonWorkerOptions) {
    this.#options = options
    this.#session = this.#begin()
    this.#finished = this.#keepRunning()
  }

  get state(): WorkerState {
    if (this.#closing.signal.aborted) return 'closed'
    if (this.#failed) return 'failed'
    if (!this.#session.ready) return 'starting'
    return this.#session.responsive ? 'ready' : 'unresponsive'
  }

  /** Why it last stopped, in one sentence. */
  get reason(): string | undefined {
    return this.#reason
  }

  /** The models that it has, or had last, that of the settings first. */
  get models(): readonly LoadedModel[] {
    return this.#session.ready ? this.#session.models : this.#models
  }

  has(model: ModelId): boolean {
    return this.models.some(({ id }) => id === model)
  }

  /** Whether it works on a training job. */
  get trains(): boolean {
    return this.#session.trains
  }

  /** Whether it takes calls. */
  get live(): boolean {
    return this.#session.ready && !this.#closing.signal.aborted
  }

  get load(): number {
    return this.#session.load
  }

  /** What Python said at the last heartbeat; nothing while it is down. */
  get pulse(): Pong | undefined {
    return this.live ? this.#session.pulse : undefined
  }

  get pids(): Session['pids'] {
    return this.#session.pids
  }

  /** How often Python was started. */
  get starts(): number {
    return this.#starts
  }

  /** Gives Python a call. Only while `live`. */
  submit(call: WorkerCall, options: RunOptions): Flight {
    return this.#session.submit(call, options)
  }

  /** Loads a trained model. Only while `live`. */
  async loadModel(model: ModelSource, signal: AbortSignal): Promise<LoadedModel> {
    const loaded = await this.#session.loadModel(model, signal)
    this.#options.onChange()
    return loaded
  }

  /** Lets go of a trained model. Only while `live`. */
  async unloadModel(model: ModelId, signal: AbortSignal): Promise<void> {
    await this.#session.unloadModel(model, signal)
    this.#options.onChange()
  }

  /** Works on a training job. Only while `live`. */
  train(job: Job, signal: AbortSignal): Promise<TrainOutcome> {
    return this.#session.train(job, signal).finally(this.#options.onChange)
  }

  /** Whether a recipe can be followed, and in how many steps. Only while `live`. */
  check(plan: TrainingPlan, signal: AbortSignal): Promise<number> {
    return this.#session.check(plan, signal)
  }

  /** Ends both processes. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.#session.close()
    await this.#finished
  }

  #begin(alone = false): Session {
    const settings = this.#options.settings(alone)
    this.#trained = settings.models.length
    const onReady = (): void => {
      this.#models = this.#session.models
      this.#reason = undefined
      this.#options.onReady()
      this.#options.onChange()
    }
    return new Session({ ...this.#options, settings, onReady })
  }

  async #keepRunning(): Promise<void> {
    const { limits, host } = this.#options
    let pause_ms = limits.backoff_ms
    for (;;) {
      this.#reason = await this.#session.ended
      if (this.#closing.signal.aborted) return
      const alone = this.#session.ready_ms === 0 && this.#trained > 0
      this.#failed = this.#models.length === 0 && !alone
      this.#options.onChange()
      if (this.#failed) {
        host.log.error(this.#reason)
        return
      }

      if (this.#session.ready_ms >= limits.stable_ms) pause_ms = limits.backoff_ms
      host.log.warn(`${this.#reason}; starting again in ${pause_ms} ms`)
      await sleep(pause_ms, undefined, { signal: this.#closing.signal }).catch(() => {})
      if (this.#closing.signal.aborted) return
      pause_ms = Math.min(pause_ms * 2, limits.max_backoff_ms)
      this.#session = this.#begin(alone)
      this.#starts += 1
    }
  }
}
