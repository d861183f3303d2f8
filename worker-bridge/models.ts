import type { LoadedModel, ModelId, ModelSource } from '../schemas/index.ts'
import { Deadline, within } from './deadline.ts'
import { WorkerError } from './errors.ts'
import type { Limits } from './limits.ts'
import type { Log } from './types.ts'
import type { PythonWorker } from './worker.ts'

/** A model whose loading so many processes did not survive, one after the other, is taken for the cause. */
const MAX_CRASHES = 2

export interface ModelsOptions {
  readonly workers: () => readonly PythonWorker[]
  /** Those that are loaded from the start. */
  readonly active: readonly ModelSource[]
  readonly limits: Limits
  readonly log: Log
}

/**
 * Which trained models the workers are to have, and how they come to have them.
 *
 * A worker that starts loads those that are active then. One whose start began before a change does
 * not know of it: it is brought up to date when it is ready. Changes are made one at a time, so it is
 * known which model a worker that dies was loading: such a model is tried once more, and then left out.
 */
export class Models {
  readonly #options: ModelsOptions
  readonly #active: Map<ModelId, ModelSource>
  readonly #behind = new Set<PythonWorker>()
  /** Workers that died while they loaded a model, since it was last loaded. */
  readonly #crashes = new Map<ModelId, number>()
  #turn: Promise<void> = Promise.resolve()

  constructor(options: ModelsOptions) {
    this.#options = options
    this.#active = new Map(options.active.map((model) => [model.id, model]))
  }

  /** The active ones that no worker died of: what one that starts loads. */
  get trusted(): ModelSource[] {
    return [...this.#active.values()].filter(({ id }) => !this.#crashes.has(id))
  }

  /** Why models are left out that were to be loaded. */
  get faults(): ReadonlyMap<ModelId, string> {
    const left = [...this.#crashes].filter(([, crashes]) => crashes >= MAX_CRASHES)
    return new Map(left.map(([id, crashes]) => [id, crashSentence(crashes)]))
  }

  isActive(model: ModelId): boolean {
    return this.#active.has(model)
  }

  /** Whether a worker may still get models that it lacks. */
  isBehind(worker: PythonWorker): boolean {
    return worker.live ? this.#behind.has(worker) : worker.state !== 'failed'
  }

  /** The models that can be asked for: that of the settings, and the active ones that are loaded. */
  get loaded(): readonly LoadedModel[] {
    const found = new Map<ModelId, LoadedModel>()
    for (const { models } of this.#options.workers()) {
      for (const [index, model] of models.entries()) {
        const listed = index === 0 || this.#active.has(model.id)
        if (listed && !found.has(model.id)) found.set(model.id, model)
      }
    }
    return [...found.values()]
  }

  /** Loads a model in every worker that is live; with one that cannot, all let go of it. */
  load(model: ModelSource, signal: AbortSignal): Promise<LoadedModel> {
    return this.#alone(signal, async () => {
      try {
        const loaded = await this.#loadEverywhere(model, signal)
        this.#active.set(model.id, model)
        return loaded
      } catch (error) {
        if (!this.#active.has(model.id)) await this.#giveBack(model.id)
        throw error
      }
    })
  }

  /** Lets go of a model. From the first moment on, no worker that starts loads it. */
  unload(model: ModelId, signal: AbortSignal): Promise<void> {
    return this.#alone(signal, async () => {
      const isFirst = this.#options.workers().some(({ models }) => models[0]?.id === model)
      if (isFirst) {
        throw new WorkerError('invalid_request', 'the model of the settings cannot be unloaded')
      }
      this.#active.delete(model)
      await this.#unloadEverywhere(model, signal)
    })
  }

  /** Gives a worker that has become ready the models that changed while it started. */
  async update(worker: PythonWorker): Promise<void> {
    if (this.#differences(worker).length === 0) return
    this.#behind.add(worker)
    const deadline = new Deadline(this.#options.limits.start_ms, new AbortController().signal)
    try {
      await this.#alone(deadline.signal, async () => {
        for (const change of this.#differences(worker)) {
          // One that died with the change before hears of the others at its next start.
          if (worker.live) await this.#apply(change, worker, deadline.signal)
        }
      })
    } catch (error) {
      this.#options.log.error(`a worker was not brought up to date: ${String(error)}`)
    } finally {
      deadline.clear()
      this.#behind.delete(worker)
    }
  }

  async #apply(change: Difference, worker: PythonWorker, signal: AbortSignal): Promise<void> {
    try {
      if (typeof change === 'string') await worker.unloadModel(change, signal)
      else await this.#loadIn(worker, change, signal)
    } catch (error) {
      const id = typeof change === 'string' ? change : change.id
      this.#options.log.error(`the model ${id} of a worker that started: ${String(error)}`)
    }
  }

  /** Models that a worker lacks, and the names of those that it should not have. */
  #differences(worker: PythonWorker): Difference[] {
    if (!worker.live) return []
    const [, ...trained] = worker.models
    const lacking = [...this.#active.values()].filter(({ id }) => !worker.has(id))
    const left = trained.filter(({ id }) => !this.#active.has(id)).map(({ id }) => id)
    return [...lacking, ...left]
  }

  /** Until no live worker lacks it: one may become ready meanwhile. */
  async #loadEverywhere(model: ModelSource, signal: AbortSignal): Promise<LoadedModel> {
    for (;;) {
      signal.throwIfAborted()
      const live = this.#options.workers().filter(({ live }) => live)
      const lacking = live.filter((worker) => !worker.has(model.id))
      const loaded = live[0]?.models.find(({ id }) => id === model.id)
      if (lacking.length === 0 && loaded !== undefined) return loaded
      if (live.length === 0) throw new WorkerError('worker_unavailable', 'no worker is ready')
      await Promise.all(lacking.map((worker) => this.#loadIn(worker, model, signal)))
    }
  }

  async #loadIn(worker: PythonWorker, model: ModelSource, signal: AbortSignal): Promise<void> {
    try {
      await worker.loadModel(model, signal)
      this.#crashes.delete(model.id)
    } catch (error) {
      if (isCrash(error)) this.#suspect(model.id)
      throw error
    }
  }

  #suspect(id: ModelId): void {
    const crashes = (this.#crashes.get(id) ?? 0) + 1
    this.#crashes.set(id, crashes)
    if (crashes < MAX_CRASHES || !this.#active.delete(id)) return
    this.#options.log.error(`the model ${id} is left out: ${crashSentence(crashes)}`)
  }

  /** A worker that dies has let go of it as well. */
  async #unloadEverywhere(model: ModelId, signal: AbortSignal): Promise<void> {
    const live = this.#options.workers().filter(({ live }) => live)
    const unloading = live.map((worker) => worker.unloadModel(model, signal).catch(unlessCrashed))
    await Promise.all(unloading)
  }

  /** Undoes a load that failed. A worker that is slow to follow the order still does. */
  async #giveBack(model: ModelId): Promise<void> {
    const deadline = new Deadline(this.#options.limits.close_ms, new AbortController().signal)
    try {
      await this.#unloadEverywhere(model, deadline.signal)
    } catch (error) {
      this.#options.log.warn(`${model} could not be let go of at once: ${String(error)}`)
    } finally {
      deadline.clear()
    }
  }

  /** Acts when all that asked before have had their turn. */
  async #alone<T>(signal: AbortSignal, act: () => Promise<T>): Promise<T> {
    let leave = (): void => {}
    const mine = new Promise<void>((resolve) => {
      leave = resolve
    })
    const before = this.#turn
    this.#turn = before.then(() => mine)
    try {
      await within(before, signal)
      return await act()
    } finally {
      leave()
    }
  }
}

/** A model to load, or the name of one to unload. */
type Difference = ModelSource | ModelId

function crashSentence(crashes: number): string {
  return `the worker died ${crashes} times while it loaded it`
}

function isCrash(error: unknown): boolean {
  return error instanceof WorkerError && error.code === 'worker_crashed'
}

function unlessCrashed(error: unknown): void {
  if (!isCrash(error)) throw error
}
