import { randomUUID } from 'node:crypto'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import type { DatasetError } from '../../schemas/index.ts'
import { PARTIAL } from '../write-whole.ts'
import { errorsPath } from './dataset-record.ts'

/** The errors of a dataset, a line for each, as they are found. */
export class ErrorFile {
  readonly #path: string
  readonly #partial: string
  readonly #file: FileHandle
  #count = 0

  private constructor(path: string, partial: string, file: FileHandle) {
    this.#path = path
    this.#partial = partial
    this.#file = file
  }

  /** Begins the file of the dataset in a folder. */
  static async create(folder: string): Promise<ErrorFile> {
    const path = errorsPath(folder)
    const partial = `${path}.${randomUUID()}${PARTIAL}`
    return new ErrorFile(path, partial, await open(partial, 'wx', 0o600))
  }

  get count(): number {
    return this.#count
  }

  async add(error: DatasetError): Promise<void> {
    this.#count += 1
    await this.#file.appendFile(`${JSON.stringify(error)}\n`)
  }

  /** Shows the file to those who read it. */
  async publish(): Promise<void> {
    await this.#file.sync()
    await rename(this.#partial, this.#path)
  }

  /** Deletes it unless it is published. */
  async close(): Promise<void> {
    await this.#file.close()
    await rm(this.#partial, { force: true })
  }
}
