import type { CallOptions } from './options.ts'
import type { Model, ModelId, ModelList } from './schema.ts'
import type { Transport } from './transport.ts'

export interface ActivateOptions extends CallOptions {
  /** Whether it also answers the requests that name no model. @default false */
  readonly default?: boolean
}

/** The models of the server. */
export class Models {
  readonly #transport: Transport

  constructor(transport: Transport) {
    this.#transport = transport
  }

  /** The one that the server was started with, then the trained ones, the newest first. */
  async list(options: CallOptions = {}): Promise<Model[]> {
    const { models } = await this.#transport.json<ModelList>(
      (raw, { signal }) => raw.GET('/v1/models', { signal, parseAs: 'text' }),
      options,
    )
    return models
  }

  read(id: ModelId, options: CallOptions = {}): Promise<Model> {
    return this.#transport.json(
      (raw, { signal }) =>
        raw.GET('/v1/models/{id}', { params: { path: { id } }, signal, parseAs: 'text' }),
      options,
    )
  }

  /** Loads a trained model, so that it can be asked. */
  activate(id: ModelId, options: ActivateOptions = {}): Promise<Model> {
    const body = { default: options.default ?? false }
    return this.#transport.json(
      (raw, { signal }) =>
        raw.POST('/v1/models/{id}/activate', {
          params: { path: { id } },
          body,
          signal,
          parseAs: 'text',
        }),
      options,
    )
  }

  /** Lets go of a trained model when its calls are answered. */
  deactivate(id: ModelId, options: CallOptions = {}): Promise<Model> {
    return this.#transport.json(
      (raw, { signal }) =>
        raw.POST('/v1/models/{id}/deactivate', {
          params: { path: { id } },
          signal,
          parseAs: 'text',
        }),
      options,
    )
  }

  /** Deletes a trained model that is not active. */
  delete(id: ModelId, options: CallOptions = {}): Promise<void> {
    return this.#transport.done(
      (raw, { signal }) => raw.DELETE('/v1/models/{id}', { params: { path: { id } }, signal }),
      options,
    )
  }
}
