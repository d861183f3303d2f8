import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { ModelSource } from '../../schemas/index.ts'
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

/** A model on disk that was trained from a base, without training: its words are placed elsewhere. */
export class TrainedCheckpoint {
  readonly #parent: string
  readonly source: ModelSource

  private constructor(parent: string, source: ModelSource) {
    this.#parent = parent
    this.source = source
  }

  static async write(id: string, base: string): Promise<TrainedCheckpoint> {
    const parent = await mkdtemp(join(tmpdir(), 'pixelllm-trained-'))
    const folder = join(parent, id)
    const program = ['-m', 'tests.python.worker.trained', folder, base]
    await promisify(execFile)(placesOf(ROOT).venvPython, program, { cwd: ROOT, timeout: 90_000 })
    return new TrainedCheckpoint(parent, { id, folder })
  }

  async delete(): Promise<void> {
    await rm(this.#parent, { recursive: true, force: true })
  }
}
