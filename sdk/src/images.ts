import { imageForm } from './form.ts'
import type { CallOptions } from './options.ts'
import type { ImageId, StoredImage } from './schema.ts'
import type { Transport } from './transport.ts'
import type { FileSource } from './types.ts'

/** Images that the server keeps for a while. */
export class Images {
  readonly #transport: Transport

  constructor(transport: Transport) {
    this.#transport = transport
  }

  /** Sends an image once; its id then stands for it. */
  async store(image: FileSource, options: CallOptions = {}): Promise<StoredImage> {
    const form = imageForm(image)
    return this.#transport.json(
      (raw, { signal }) =>
        raw.POST('/v1/images', {
          body: { image: '' },
          bodySerializer: () => form,
          signal,
          parseAs: 'text',
        }),
      options,
    )
  }

  read(id: ImageId, options: CallOptions = {}): Promise<StoredImage> {
    return this.#transport.json(
      (raw, { signal }) =>
        raw.GET('/v1/images/{id}', { params: { path: { id } }, signal, parseAs: 'text' }),
      options,
    )
  }

  delete(id: ImageId, options: CallOptions = {}): Promise<void> {
    return this.#transport.done(
      (raw, { signal }) => raw.DELETE('/v1/images/{id}', { params: { path: { id } }, signal }),
      options,
    )
  }
}
