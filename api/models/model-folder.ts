/** Trained models on disk: a folder each, which the job that trained it made as a whole. */
import { randomUUID } from 'node:crypto'
import { readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { FastifyBaseLogger } from 'fastify'
import { ModelId, TrainedModel } from '../../schemas/index.ts'
import { codeOf } from '../error-code.ts'

const RECORD = 'model.json'
const GONE = '.gone-'

/** A trained model, and where it is. */
export interface StoredModel extends TrainedModel {
  readonly folder: string
  /** Of its files. */
  readonly bytes: number
}

/** The folder of all trained models. Names come from callers, so they are looked up and no path is made of them. */
export class ModelFolder {
  readonly #directory: string
  readonly #log: FastifyBaseLogger

  constructor(directory: string, log: FastifyBaseLogger) {
    this.#directory = directory
    this.#log = log
  }

  /** The newest first. */
  async list(): Promise<StoredModel[]> {
    const models: StoredModel[] = []
    for (const name of await this.#names()) {
      const model = await this.#read(name)
      if (model !== undefined) models.push(model)
    }
    return models.toSorted((a, b) => b.created_at.localeCompare(a.created_at))
  }

  /** Nothing where there is no such model. */
  async find(id: ModelId): Promise<StoredModel | undefined> {
    return (await this.#names()).includes(id) ? this.#read(id) : undefined
  }

  async delete({ folder }: StoredModel): Promise<void> {
    const gone = join(this.#directory, `${GONE}${randomUUID()}`)
    await rename(folder, gone)
    await rm(gone, { recursive: true, force: true })
  }

  /** Deletes what an earlier process began to delete. */
  async clear(): Promise<void> {
    for (const name of await readdir(this.#directory)) {
      if (!name.startsWith(GONE)) continue
      await rm(join(this.#directory, name), { recursive: true, force: true })
    }
  }

  async #names(): Promise<ModelId[]> {
    const entries = await readdir(this.#directory, { withFileTypes: true })
    const folders = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    return folders.map(({ name }) => name).filter((name) => ModelId.safeParse(name).success)
  }

  async #read(id: ModelId): Promise<StoredModel | undefined> {
    const folder = join(this.#directory, id)
    try {
      const model = TrainedModel.parse(JSON.parse(await readFile(join(folder, RECORD), 'utf8')))
      if (model.id !== id) throw new TypeError(`its name is ${model.id}`)
      return { ...model, folder, bytes: await bytesIn(folder) }
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined
      this.#log.warn({ err: error, model: id }, 'a trained model cannot be read')
      return undefined
    }
  }
}

async function bytesIn(folder: string): Promise<number> {
  let bytes = 0
  for (const name of await readdir(folder)) bytes += (await stat(join(folder, name))).size
  return bytes
}
