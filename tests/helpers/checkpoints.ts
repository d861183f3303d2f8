import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { placesOf, ROOT } from '../../scripts/setup/places.mjs'

/** A small model with random weights on disk, `whole` with a mask decoder and a detector. */
export class RandomCheckpoint {
  readonly #parent: string
  readonly folder: string

  private constructor(parent: string, folder: string) {
    this.#parent = parent
    this.folder = folder
  }

  static async write(kind: 'whole' | 'plain'): Promise<RandomCheckpoint> {
    const parent = await mkdtemp(join(tmpdir(), 'pixelllm-checkpoint-'))
    const folder = join(parent, kind)
    const program = ['-m', 'tests.python.checkpoints', folder, kind]
    await promisify(execFile)(placesOf(ROOT).venvPython, program, { cwd: ROOT, timeout: 90_000 })
    return new RandomCheckpoint(parent, folder)
  }

  async delete(): Promise<void> {
    await rm(this.#parent, { recursive: true, force: true })
  }
}
