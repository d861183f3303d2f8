/**
 * The way of image bytes from the gateway to Python: a file in shared memory.
 *
 * The gateway writes, every Python worker maps the file read-only. It is filled once at the start,
 * so a lack of memory shows then and not under load, and it is only ever written with `write()`:
 * a failed write is an error, a failed store to mapped memory would end the process.
 *
 * An image that finds no room spills into a file of its own. Its offset then lies beyond the end of
 * the slab and names that file in `spill_path`.
 */
import { constants, writeSync } from 'node:fs'
import { access, type FileHandle, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Slab as SlabSettings } from '../schemas/index.ts'
import { WorkerError } from './errors.ts'
import { Extents } from './extents.ts'
import { makeFolder, sweepFolders } from './slab-folders.ts'
import type { Log } from './types.ts'

const SHARED_MEMORY = '/dev/shm'
const PRIVATE_FILE = 0o600
/** Bytes written at a time; an abort is seen between two chunks. */
const CHUNK_BYTES = 4 * 1024 * 1024
/** Up to here copying takes less time than waiting for a thread to do it. */
const SMALL_BYTES = 256 * 1024

export interface SlabOptions {
  readonly bytes: number
  readonly log: Log
  /** Folder in shared memory; where it cannot be used, the temporary folder takes its place. */
  readonly shared_memory?: string
  readonly temporary?: string
}

/** The bytes of one image, where Python can read them. */
export interface Lease {
  readonly offset: number
  readonly bytes: number
  /** Gives the place back. Only when no Python process can still read it; once is enough. */
  release(): void
}

export class Slab {
  /** What Python has to know. */
  readonly settings: SlabSettings
  readonly #file: FileHandle
  readonly #extents: Extents
  readonly #folders: readonly string[]
  readonly #log: Log
  #spills = 0

  private constructor(settings: SlabSettings, file: FileHandle, folders: string[], log: Log) {
    this.settings = settings
    this.#file = file
    this.#extents = new Extents(settings.bytes)
    this.#folders = folders
    this.#log = log
  }

  /** Makes the slab, after removing those of gateways that were killed. */
  static async open(options: SlabOptions): Promise<Slab> {
    const { bytes, log, shared_memory = SHARED_MEMORY, temporary = tmpdir() } = options
    await sweepFolders(shared_memory, log)
    await sweepFolders(temporary, log)

    try {
      const { folder, file } = await createFile(shared_memory, bytes).catch((error) => {
        log.warn(`images go through ${temporary}, which is slower than memory: ${String(error)}`)
        return createFile(temporary, bytes)
      })
      const spill_path = await makeFolder(temporary)
      const settings = { path: join(folder, 'slab'), bytes, spill_path }
      return new Slab(settings, file, [folder, spill_path], log)
    } catch (cause) {
      const message = `${temporary} has no room for images on their way to Python (${bytes} bytes)`
      throw new WorkerError('storage_full', message, { cause })
    }
  }

  /** Bytes of the slab that no image holds. */
  get free_bytes(): number {
    return this.#extents.free_bytes
  }

  /** Stores an image; throws the signal's reason when that is aborted first. */
  async write(image: Uint8Array, signal: AbortSignal): Promise<Lease> {
    const extent = this.#extents.take(image.length)
    if (extent === undefined) return this.#spill(image, signal)

    // The place is given back only between two writes: one under way would reach its next user.
    try {
      await writeAll(this.#file, image, extent.offset, signal)
    } catch (error) {
      this.#extents.give(extent)
      throw error
    }
    const release = once(() => this.#extents.give(extent))
    return { offset: extent.offset, bytes: image.length, release }
  }

  /** Removes every file. Python keeps what it has mapped until it ends. */
  async close(): Promise<void> {
    await this.#file.close()
    for (const folder of this.#folders) await rm(folder, { recursive: true, force: true })
  }

  async #spill(image: Uint8Array, signal: AbortSignal): Promise<Lease> {
    const offset = this.settings.bytes + this.#spills++
    const path = join(this.settings.spill_path, String(offset))
    const release = once(() => {
      rm(path, { force: true }).catch((error) => this.#log.warn(`${path} stays: ${String(error)}`))
    })

    try {
      await writeFile(path, image, signal)
    } catch (error) {
      release()
      signal.throwIfAborted()
      throw new WorkerError('storage_full', 'there is no room for the image', { cause: error })
    }
    return { offset, bytes: image.length, release }
  }
}

/** Makes a private folder in `parent` and the slab in it, with memory behind every page. */
async function createFile(
  parent: string,
  bytes: number,
): Promise<{ folder: string; file: FileHandle }> {
  await access(parent, constants.W_OK)
  const folder = await makeFolder(parent)
  try {
    const file = await open(join(folder, 'slab'), 'wx+', PRIVATE_FILE)
    await fill(file, bytes)
    return { folder, file }
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

async function fill(file: FileHandle, bytes: number): Promise<void> {
  const zeros = new Uint8Array(CHUNK_BYTES)
  for (let offset = 0; offset < bytes; offset += CHUNK_BYTES) {
    await writeAll(file, zeros.subarray(0, bytes - offset), offset)
  }
}

async function writeFile(path: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  const file = await open(path, 'wx', PRIVATE_FILE)
  try {
    await writeAll(file, bytes, 0, signal)
  } finally {
    await file.close()
  }
}

/** Writes `bytes` at `offset`; when it returns or throws, no write is under way. */
async function writeAll(
  file: FileHandle,
  bytes: Uint8Array,
  offset: number,
  signal?: AbortSignal,
): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    signal?.throwIfAborted()
    const length = Math.min(CHUNK_BYTES, bytes.length - done)
    if (length <= SMALL_BYTES) done += writeSync(file.fd, bytes, done, length, offset + done)
    else done += (await file.write(bytes, done, length, offset + done)).bytesWritten
  }
}

function once(action: () => void): () => void {
  let done = false
  return () => {
    if (!done) action()
    done = true
  }
}
