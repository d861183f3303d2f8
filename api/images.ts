import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { ImageId, type ImageInfo, type ImageSize, type StoredImage } from '../schemas/index.ts'
import { codeOf } from './error-code.ts'
import { ApiError } from './errors.ts'
import { type ImageLimits, probeImage } from './probe.ts'
import { PARTIAL, writeWhole } from './write-whole.ts'

const SWEEP_MS = 60_000
/** `<id>.<width>x<height>`: what there is to know about an image is the name of its file. */
const FILE_NAME = /^(?<id>img_[0-9a-f]{32})\.(?<width>[1-9]\d{0,6})x(?<height>[1-9]\d{0,6})$/
/** A file that is still half written after so long has no writer any more. */
const PARTIAL_MS = 60 * 60 * 1000

/** An image as a call needs it. */
export interface ReceivedImage extends ImageInfo {
  /** SHA-256 of the bytes, in hexadecimal. */
  readonly sha256: string
  readonly bytes: Uint8Array
}

/** Checks an image file by its header and names it after its bytes. */
export async function receiveImage(bytes: Uint8Array, limits: ImageLimits): Promise<ReceivedImage> {
  const size = await probeImage(bytes, limits)
  const sha256 = hash(bytes)
  return { id: idOf(sha256), ...size, sha256, bytes }
}

export interface ImageStoreOptions {
  readonly directory: string
  readonly ttl_s: number
  readonly budget_bytes: number
}

interface Entry extends ImageSize {
  readonly bytes: number
  /** When it expires, in milliseconds since 1970. */
  readonly expires_ms: number
}

/**
 * Images on disk, each named by its bytes, so that a second copy costs nothing and none ever changes.
 *
 * One that nobody used for `ttl_s` is deleted; when the budget is spent, the ones used longest ago
 * make room. The time of last use is the file's own, so that the store outlives the process.
 */
export class ImageStore {
  readonly #options: ImageStoreOptions
  /** What is on disk, the one used longest ago first. */
  readonly #entries: Map<ImageId, Entry>
  readonly #sweeper: NodeJS.Timeout
  #bytes: number

  private constructor(options: ImageStoreOptions, entries: Map<ImageId, Entry>) {
    this.#options = options
    this.#entries = entries
    this.#bytes = [...entries.values()].reduce((sum, { bytes }) => sum + bytes, 0)
    this.#sweeper = setInterval(() => void this.#sweep(), SWEEP_MS).unref()
  }

  /** Opens the store in `directory`, which is made where it is missing. */
  static async open(options: ImageStoreOptions): Promise<ImageStore> {
    await mkdir(options.directory, { recursive: true, mode: 0o700 })
    const store = new ImageStore(options, await readEntries(options))
    await store.#sweep()
    return store
  }

  close(): void {
    clearInterval(this.#sweeper)
  }

  /** Keeps an image; one that is already here is only used again. */
  async store({ id, width, height, bytes }: ReceivedImage): Promise<StoredImage> {
    if (this.#entries.has(id)) return this.describe(id)
    if (bytes.length > this.#options.budget_bytes) {
      throw new ApiError(
        'storage_full',
        `the store holds ${this.#options.budget_bytes} bytes in all`,
      )
    }

    await this.#makeRoom(bytes.length)
    const entry = { width, height, bytes: bytes.length, expires_ms: this.#expiry() }
    await writeWhole(this.#path(id, entry), bytes)
    this.#add(id, entry)
    return toStoredImage(id, entry)
  }

  /** What is known about an image; asking counts as using it. */
  async describe(id: ImageId): Promise<StoredImage> {
    const entry = this.#find(id)
    const now = new Date()
    try {
      await utimes(this.#path(id, entry), now, now)
    } catch (error) {
      throw this.#lost(id, error)
    }
    const used = { ...entry, expires_ms: this.#expiry() }
    this.#forget(id)
    this.#add(id, used)
    return toStoredImage(id, used)
  }

  /** The image itself. */
  async read(id: ImageId): Promise<ReceivedImage> {
    const { width, height } = await this.describe(id)
    const bytes = await this.#readFile(id)
    const sha256 = hash(bytes)
    if (idOf(sha256) !== id) {
      await this.delete(id)
      throw notStored(id)
    }
    return { id, width, height, sha256, bytes }
  }

  async delete(id: ImageId): Promise<void> {
    const path = this.#path(id, this.#find(id))
    this.#forget(id)
    await rm(path, { force: true })
  }

  #find(id: ImageId): Entry {
    const entry = this.#entries.get(id)
    if (entry === undefined || entry.expires_ms <= Date.now()) throw notStored(id)
    return entry
  }

  async #readFile(id: ImageId): Promise<Uint8Array> {
    try {
      return await readFile(this.#path(id, this.#find(id)))
    } catch (error) {
      throw this.#lost(id, error)
    }
  }

  /** Somebody else deleted the file: then the image is not stored. */
  #lost(id: ImageId, error: unknown): unknown {
    if (codeOf(error) !== 'ENOENT') return error
    this.#forget(id)
    return notStored(id)
  }

  async #makeRoom(bytes: number): Promise<void> {
    for (const id of this.#entries.keys()) {
      if (this.#bytes + bytes <= this.#options.budget_bytes) return
      await this.delete(id).catch(() => {})
    }
  }

  async #sweep(): Promise<void> {
    const now = Date.now()
    for (const [id, entry] of this.#entries) {
      // The rest was used later.
      if (entry.expires_ms > now) return
      this.#forget(id)
      await rm(this.#path(id, entry), { force: true })
    }
  }

  #add(id: ImageId, entry: Entry): void {
    this.#forget(id)
    this.#entries.set(id, entry)
    this.#bytes += entry.bytes
  }

  #forget(id: ImageId): void {
    this.#bytes -= this.#entries.get(id)?.bytes ?? 0
    this.#entries.delete(id)
  }

  #expiry(): number {
    return Date.now() + this.#options.ttl_s * 1000
  }

  #path(id: ImageId, { width, height }: ImageSize): string {
    return join(this.#options.directory, `${id}.${width}x${height}`)
  }
}

/** Lists what an earlier process left, the one used longest ago first, and deletes what was never finished. */
async function readEntries({ directory, ttl_s }: ImageStoreOptions): Promise<Map<ImageId, Entry>> {
  const entries: [ImageId, Entry][] = []
  for (const name of await readdir(directory)) {
    const path = join(directory, name)
    const { size, mtimeMs } = await stat(path)
    const { id, width, height } = FILE_NAME.exec(name)?.groups ?? {}
    if (id !== undefined) {
      const expires_ms = mtimeMs + ttl_s * 1000
      entries.push([id, { width: Number(width), height: Number(height), bytes: size, expires_ms }])
    } else if (name.endsWith(PARTIAL) && Date.now() - mtimeMs > PARTIAL_MS) {
      await rm(path, { force: true })
    }
  }
  return new Map(entries.sort(([, a], [, b]) => a.expires_ms - b.expires_ms))
}

function toStoredImage(id: ImageId, { width, height, bytes, expires_ms }: Entry): StoredImage {
  return { id, width, height, bytes, expires_at: new Date(expires_ms).toISOString() }
}

function notStored(id: ImageId): ApiError {
  return new ApiError(
    'image_not_found',
    `no image is stored as ${id}; it may have expired, so send it again`,
  )
}

function hash(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function idOf(sha256: string): ImageId {
  return ImageId.parse(`img_${sha256.slice(0, 32)}`)
}
