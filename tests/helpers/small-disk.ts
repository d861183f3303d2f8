import { execFile } from 'node:child_process'
import { mkdtemp, open, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { isDiskFull } from '../../api/write-whole.ts'

const run = promisify(execFile)
/** Bytes that are taken at once. */
const CHUNK = 2 ** 20

/** A file system of its own, in memory, that can be filled. */
export class SmallDisk {
  readonly folder: string
  readonly #filler: string

  private constructor(folder: string) {
    this.folder = folder
    this.#filler = join(folder, 'filler')
  }

  /** Undefined where this user, or this system, may not mount one. */
  static async mount(size: string): Promise<SmallDisk | undefined> {
    const folder = await mkdtemp(join(tmpdir(), 'pixelllm-disk-'))
    try {
      await run('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder])
      return new SmallDisk(folder)
    } catch {
      await rm(folder, { recursive: true })
      return undefined
    }
  }

  /** Takes all room but so much, while others write there too. */
  async fill(left_bytes: number): Promise<void> {
    const filler = await open(this.#filler, 'a')
    try {
      for (;;) {
        const room = (await this.#free()) - left_bytes
        if (room <= 0) return await filler.truncate((await filler.stat()).size + room)
        await filler.write(new Uint8Array(Math.min(room, CHUNK))).catch(unlessFull)
      }
    } finally {
      await filler.close()
    }
  }

  /** Gives the room back. */
  async clear(): Promise<void> {
    await rm(this.#filler)
  }

  async #free(): Promise<number> {
    const { bavail, bsize } = await statfs(this.folder)
    return bavail * bsize
  }

  /** Lazily: what a server that was killed had open on it is closed a moment later. */
  async unmount(): Promise<void> {
    await run('umount', ['--lazy', this.folder])
    await rm(this.folder, { recursive: true })
  }
}

function unlessFull(error: unknown): void {
  if (!isDiskFull(error)) throw error
}
