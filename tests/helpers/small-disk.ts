import { execFile } from 'node:child_process'
import { mkdtemp, rm, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

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

  /** Takes all room but so much. */
  async fill(left_bytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.folder)
    await writeFile(this.#filler, new Uint8Array(bavail * bsize - left_bytes))
  }

  /** Gives the room back. */
  async clear(): Promise<void> {
    await rm(this.#filler)
  }

  /** Lazily: what a server that was killed had open on it is closed a moment later. */
  async unmount(): Promise<void> {
    await run('umount', ['--lazy', this.folder])
    await rm(this.folder, { recursive: true })
  }
}
