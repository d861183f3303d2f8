import { ApiError } from '../errors.ts'

/** What an archive may hold. */
export interface ArchiveLimits {
  /** Of the archive, and of what it is unpacked to. */
  readonly max_bytes: number
  /** What there is room for in the store. */
  readonly room_bytes: number
  readonly max_file_bytes: number
  /** Entries, folders and left-out ones included. */
  readonly max_files: number
  /** How many times larger than the archive its contents may be. */
  readonly max_ratio: number
}

/** Nothing is said about the ratio of less than this: a few blank files compress a thousandfold. */
const RATIO_FROM_BYTES = 16 * 2 ** 20

/** Counts what an archive is unpacked to and stops it at its limits, by what comes and not by what is declared. */
export class Budget {
  readonly #limits: ArchiveLimits
  #archive = 0
  #unpacked = 0
  #entries = 0

  constructor(limits: ArchiveLimits) {
    this.#limits = limits
  }

  /** Passes the archive on as it is received. */
  async *receive(archive: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    const { max_bytes } = this.#limits
    for await (const chunk of archive) {
      this.#archive += chunk.length
      if (this.#archive > max_bytes) {
        throw tooLarge(`the archive has more than ${max_bytes} bytes`)
      }
      yield chunk
    }
  }

  /** Passes on what it is unpacked to. */
  async *unpack(contents: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of contents) {
      this.#unpacked += chunk.length
      this.#judge()
      yield chunk
    }
  }

  /** Passes on the bytes of one file of it. */
  async *file(name: string, contents: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let bytes = 0
    for await (const chunk of contents) {
      bytes += chunk.length
      this.judgeFile(name, bytes)
      yield chunk
    }
  }

  /** Counts an entry. */
  enter(): void {
    this.#entries += 1
    this.judgeCount(this.#entries)
  }

  judgeCount(entries: number): void {
    const { max_files } = this.#limits
    if (entries > max_files) throw tooLarge(`the archive has more than ${max_files} entries`)
  }

  judgeFile(name: string, bytes: number): void {
    const { max_file_bytes } = this.#limits
    if (bytes > max_file_bytes) {
      throw tooLarge(`${JSON.stringify(name)} has more than ${max_file_bytes} bytes`)
    }
  }

  #judge(): void {
    const { max_bytes, room_bytes, max_ratio } = this.#limits
    if (this.#unpacked > max_bytes) {
      throw tooLarge(`the archive is unpacked to more than ${max_bytes} bytes`)
    }
    if (this.#unpacked > room_bytes) {
      throw new ApiError('storage_full', 'there is no room for it beside the other datasets')
    }
    if (this.#unpacked > RATIO_FROM_BYTES && this.#unpacked > max_ratio * this.#archive) {
      throw tooLarge(`the archive is unpacked to more than ${max_ratio} times its own size`)
    }
  }
}

function tooLarge(message: string): ApiError {
  return new ApiError('archive_too_large', message)
}
