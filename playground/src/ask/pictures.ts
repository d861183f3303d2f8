/** The picture that is asked about: chosen, dropped, pasted or one of the samples, and kept by the server. */
import type { StoredImage } from '@pixelllm/sdk'
import { server } from '../server.ts'

export class Picture {
  readonly blob: Blob
  readonly address: string
  #stored: StoredImage

  private constructor(blob: Blob, stored: StoredImage) {
    this.blob = blob
    this.#stored = stored
    this.address = URL.createObjectURL(blob)
  }

  /** Sends it to the server, which says whether it is a picture that can be asked about. */
  static async send(blob: Blob): Promise<Picture> {
    return new Picture(blob, await server.images.store(blob))
  }

  get stored(): StoredImage {
    return this.#stored
  }

  /** The server keeps pictures for a while only. */
  async sendAgain(): Promise<void> {
    this.#stored = await server.images.store(this.blob)
  }

  close(): void {
    URL.revokeObjectURL(this.address)
  }
}
