import { blobOf } from './form.ts'
import { Listing } from './listing.ts'
import type { CallOptions } from './options.ts'
import { sleep } from './retry.ts'
import type {
  Dataset,
  DatasetDetails,
  DatasetId,
  DatasetList,
  RegisterDatasetRequest,
} from './schema.ts'
import type { Transport } from './transport.ts'
import type { FileSource } from './types.ts'
import { type OnProgress, uploadForm } from './upload.ts'

export interface UploadOptions extends CallOptions {
  /** What to call it, for people. */
  readonly name?: string
  /** Told how much of the archive has been handed to the network. */
  readonly onProgress?: OnProgress
}

export interface ListOptions extends CallOptions {
  /** Entries to ask for at once. @default 20 */
  readonly limit?: number
}

/** Between two looks at a dataset that is validated: at first, and at most. */
const FIRST_LOOK_MS = 200
const LAST_LOOK_MS = 2_000

/** What is trained on. */
export class Datasets {
  readonly #transport: Transport

  constructor(transport: Transport) {
    this.#transport = transport
  }

  /**
   * Sends a tar, tar.gz or zip of a dataset. The files are validated after the reply: see `wait`.
   * It can be sent again: the same files always have the same id.
   */
  upload(archive: FileSource, options: UploadOptions = {}): Promise<Dataset> {
    const blob = blobOf(archive)
    const form = new FormData()
    // The name first: the server then knows it before it reads the archive.
    if (options.name !== undefined) form.set('name', options.name)
    form.set('archive', blob, 'archive')
    return this.#transport.json(
      (raw, deadline) =>
        raw.POST('/v1/datasets', {
          body: { archive: '' },
          bodySerializer: () => form,
          fetch: uploadForm(form, blob.size, deadline, options.onProgress),
          signal: deadline.signal,
          parseAs: 'text',
        }),
      options,
    )
  }

  /** Makes a dataset of a folder that the operator has registered. */
  register(request: RegisterDatasetRequest, options: CallOptions = {}): Promise<Dataset> {
    return this.#transport.json(
      (raw, { signal }) => raw.POST('/v1/datasets', { body: request, signal, parseAs: 'text' }),
      options,
    )
  }

  /** The newest first. */
  list({ limit, ...options }: ListOptions = {}): Listing<Dataset> {
    return new Listing(async (last) => {
      const query = { ...(limit && { limit }), ...(last && { after: last.id }) }
      const { datasets, has_more } = await this.#transport.json<DatasetList>(
        (raw, { signal }) =>
          raw.GET('/v1/datasets', { params: { query }, signal, parseAs: 'text' }),
        options,
      )
      return { entries: datasets, has_more }
    })
  }

  /** Its counts, a few samples and every fault. */
  read(id: DatasetId, options: CallOptions = {}): Promise<DatasetDetails> {
    return this.#transport.json(
      (raw, { signal }) =>
        raw.GET('/v1/datasets/{id}', { params: { path: { id } }, signal, parseAs: 'text' }),
      options,
    )
  }

  /** Waits until it is validated: it is `ready` then, or `invalid` and says why. */
  async wait(id: DatasetId, options: CallOptions = {}): Promise<DatasetDetails> {
    for (let pause = FIRST_LOOK_MS; ; pause = Math.min(pause * 2, LAST_LOOK_MS)) {
      const dataset = await this.read(id, options)
      if (dataset.status !== 'validating') return dataset
      await sleep(pause, options.signal)
    }
  }

  delete(id: DatasetId, options: CallOptions = {}): Promise<void> {
    return this.#transport.done(
      (raw, { signal }) => raw.DELETE('/v1/datasets/{id}', { params: { path: { id } }, signal }),
      options,
    )
  }
}
