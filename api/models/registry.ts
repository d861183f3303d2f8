import { mkdir } from 'node:fs/promises'
import type { FastifyBaseLogger } from 'fastify'
import type { LoadedModel, Model, ModelId } from '../../schemas/index.ts'
import type { Worker, Workshop } from '../../worker-bridge/index.ts'
import { ApiError } from '../errors.ts'
import { type ActiveModels, readActive, writeActive } from './active-models.ts'
import { type Circumstances, describeOwn, describeTrained } from './describe-model.ts'
import { ModelFolder, type StoredModel } from './model-folder.ts'

/** What loads models, and says which are loaded. */
export type ModelHost = Pick<Worker, 'status'> & Pick<Workshop, 'load' | 'unload'>

export interface ModelRegistryOptions {
  /** Where trained models lie. */
  readonly directory: string
  readonly host: ModelHost
  readonly load_timeout_ms: number
  readonly log: FastifyBaseLogger
}

/**
 * The models of this server: its own, which it was started with, and those that were trained here. Of
 * the trained ones it keeps which are active and which answers by default; the workers have them.
 */
export class ModelRegistry {
  readonly #options: ModelRegistryOptions
  readonly #folder: ModelFolder
  #active: ActiveModels
  /** Why models could not be loaded, until they are or nobody wants them any more. */
  readonly #faults = new Map<ModelId, string>()
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(options: ModelRegistryOptions, active: ActiveModels) {
    this.#options = options
    this.#folder = new ModelFolder(options.directory, options.log)
    this.#active = active
  }

  static async open(options: ModelRegistryOptions): Promise<ModelRegistry> {
    await mkdir(options.directory, { recursive: true, mode: 0o700 })
    const registry = new ModelRegistry(options, await readActive(options.directory))
    await registry.#folder.clear()
    return registry
  }

  /** Once a worker is ready: finds out why an active model is not among those that it loaded. */
  restore(): Promise<void> {
    return this.#alone(async () => {
      for (const id of this.#active.active.filter((id) => this.#loaded(id) === undefined)) {
        const model = await this.#folder.find(id)
        if (model === undefined) this.#fail(id, `there is no model ${id} any more`)
        else await this.#load(model).catch(() => {})
      }
    })
  }

  /** The server's own first, then the newest. */
  async list(): Promise<Model[]> {
    const own = this.#own()
    const trained = await this.#folder.list()
    return [
      ...(own === undefined ? [] : [describeOwn(own, this.#isDefault(own.id))]),
      ...trained.map((model) => describeTrained(model, this.#circumstances(model.id))),
    ]
  }

  async read(id: ModelId): Promise<Model> {
    const own = this.#own()
    if (own?.id === id) return describeOwn(own, this.#isDefault(id))
    return describeTrained(await this.#trained(id), this.#circumstances(id))
  }

  /**
   * Where a model lies; its folder is null for the server's own. Nothing where there is none. Throws
   * `worker_unavailable` where that is not known, because the server's own has no name before it is loaded.
   */
  async find(id: ModelId): Promise<{ readonly folder: string | null } | undefined> {
    const own = this.#own()
    if (own?.id === id) return { folder: null }
    const trained = await this.#folder.find(id)
    if (trained === undefined && own === undefined) throw beingLoaded()
    return trained
  }

  /** The model that answers requests that name none; nothing until one is loaded. */
  default(): ModelId | undefined {
    return this.#active.default ?? this.#own()?.id
  }

  /** The model that is to answer a request, which may name one. */
  async choose(wanted: ModelId | undefined): Promise<LoadedModel> {
    const id = wanted ?? this.default()
    if (id === undefined || this.#own() === undefined) throw beingLoaded()
    return this.#loaded(id) ?? this.#refuse(id, wanted)
  }

  /** Has a model loaded now and at every start, and where it is asked for, has it answer by default. */
  activate(id: ModelId, asDefault: boolean): Promise<Model> {
    return this.#alone(async () => {
      if (this.#own()?.id === id) {
        if (asDefault) await this.#keep({ ...this.#active, default: null })
        return this.read(id)
      }
      await this.#load(await this.#trained(id))
      await this.#keepActive(id, asDefault)
      return this.read(id)
    })
  }

  deactivate(id: ModelId): Promise<Model> {
    return this.#alone(async () => {
      this.#refuseOwn(id, 'deactivated')
      await this.#trained(id)
      this.#refuseDefault(id)
      await this.#keep({
        ...this.#active,
        active: this.#active.active.filter((other) => other !== id),
      })
      this.#faults.delete(id)
      if (this.#loaded(id) !== undefined) await this.#unload(id)
      return this.read(id)
    })
  }

  delete(id: ModelId): Promise<void> {
    return this.#alone(async () => {
      this.#refuseOwn(id, 'deleted')
      const model = await this.#trained(id)
      this.#refuseDefault(id)
      if (this.#active.active.includes(id) || this.#loaded(id) !== undefined) {
        throw inUse(`the model ${id} is active: deactivate it first`)
      }
      this.#faults.delete(id)
      await this.#folder.delete(model)
    })
  }

  async #load(model: StoredModel): Promise<void> {
    const { id, folder, base_model } = model
    try {
      this.#checkBase(model)
      const options = { timeout_ms: this.#options.load_timeout_ms }
      await this.#options.host.load({ id, folder }, options)
      this.#faults.delete(id)
    } catch (error) {
      this.#fail(id, error instanceof Error ? error.message : String(error))
      this.#options.log.warn({ err: error, model: id, base_model }, 'a model cannot be loaded')
      throw error
    }
  }

  #checkBase({ id, base_model }: StoredModel): void {
    const own = this.#own()
    if (own === undefined) throw beingLoaded()
    if (own.id === base_model) return
    throw new ApiError(
      'model_unavailable',
      `${id} was trained from ${base_model}, and this server runs ${own.id}: start it with ${base_model} to use it`,
    )
  }

  /** Writes down that a model is active; where that cannot be done, it is not. */
  async #keepActive(id: ModelId, asDefault: boolean): Promise<void> {
    const active = [...this.#active.active.filter((other) => other !== id), id]
    const wasActive = this.#active.active.includes(id)
    try {
      await this.#keep({ active, default: asDefault ? id : this.#active.default })
    } catch (error) {
      if (!wasActive) await this.#unload(id)
      throw error
    }
  }

  async #keep(active: ActiveModels): Promise<void> {
    await writeActive(this.#options.directory, active)
    this.#active = active
  }

  async #unload(id: ModelId): Promise<void> {
    await this.#options.host.unload(id, { timeout_ms: this.#options.load_timeout_ms })
  }

  #fail(id: ModelId, fault: string): void {
    this.#faults.set(id, fault)
  }

  /** Why a model that is wanted is not loaded; the workers know best. */
  #fault(id: ModelId): string | undefined {
    const { faults } = this.#options.host.status()
    return (this.#active.active.includes(id) && faults.get(id)) || this.#faults.get(id)
  }

  #own(): LoadedModel | undefined {
    return this.#options.host.status().models[0]
  }

  #loaded(id: ModelId): LoadedModel | undefined {
    return this.#options.host.status().models.find((model) => model.id === id)
  }

  #circumstances(id: ModelId): Circumstances {
    return {
      loaded: this.#loaded(id),
      isDefault: this.#isDefault(id),
      fault: this.#fault(id),
    }
  }

  #isDefault(id: ModelId): boolean {
    return this.default() === id
  }

  async #trained(id: ModelId): Promise<StoredModel> {
    const model = await this.#folder.find(id)
    if (model === undefined) throw notFound(id)
    return model
  }

  /** Says why a model that is not loaded cannot answer. */
  async #refuse(id: ModelId, wanted: ModelId | undefined): Promise<never> {
    if (wanted === undefined) {
      const fault = this.#fault(id) ?? 'it is not loaded'
      throw new ApiError(
        'model_unavailable',
        `the default model is ${id}, but ${fault}; name another`,
      )
    }
    if ((await this.#folder.find(id)) === undefined) throw notFound(id)
    throw new ApiError(
      'model_inactive',
      `the model ${id} is not active: POST /v1/models/${id}/activate loads it`,
    )
  }

  #refuseOwn(id: ModelId, what: string): void {
    if (this.#own()?.id !== id) return
    throw inUse(`the server was started with ${id}, so it cannot be ${what}`)
  }

  #refuseDefault(id: ModelId): void {
    if (this.#active.default !== id) return
    throw inUse(`the model ${id} is the default: activate another with {"default": true} first`)
  }

  /** Acts when all that asked before have had their turn. */
  #alone<Result>(act: () => Promise<Result>): Promise<Result> {
    const acting = this.#turn.then(act)
    this.#turn = acting.catch(() => {})
    return acting
  }
}

function beingLoaded(): ApiError {
  return new ApiError('worker_unavailable', 'the model is being loaded')
}

function notFound(id: ModelId): ApiError {
  return new ApiError('model_not_found', `there is no model ${id}: GET /v1/models lists them`)
}

function inUse(message: string): ApiError {
  return new ApiError('in_use', message)
}
