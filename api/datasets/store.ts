import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { FastifyBaseLogger } from 'fastify'
import {
  type Dataset,
  type DatasetDetails,
  DatasetId,
  type DatasetStatus,
} from '../../schemas/index.ts'
import { within } from '../../worker-bridge/index.ts'
import type { Config } from '../config.ts'
import { codeOf } from '../error-code.ts'
import { ApiError } from '../errors.ts'
import { invalidRequest } from '../validation.ts'
import { storageFailure, writeWhole } from '../write-whole.ts'
import { IncomingArchive } from './archive.ts'
import type { ArchiveLimits } from './archive-limits.ts'
import { bytesOf, type DatasetFile, datasetIdOf } from './dataset-files.ts'
import {
  type DatasetRecord,
  describe,
  readErrors,
  readRecord,
  readReport,
  recordPath,
} from './dataset-record.ts'
import { readFolder } from './read-folder.ts'
import { Validator } from './validator.ts'

/** What is being received, and what is being deleted: neither is a dataset. */
const NEW = '.new-'
const GONE = '.gone-'
const FILES = 'files'
const THERE_ALREADY: ReadonlySet<string | undefined> = new Set(['ENOTEMPTY', 'EEXIST'])

export interface DatasetStoreOptions {
  readonly directory: string
  readonly limits: Omit<ArchiveLimits, 'room_bytes'>
  /** Of all datasets that were sent. */
  readonly budget_bytes: number
  /** Folders of the operator's, by the ids that callers name. */
  readonly roots: ReadonlyMap<string, string>
  /** For receiving a dataset, or reading a folder; what is there after twice as long is left over. */
  readonly upload_timeout_ms: number
  readonly check: {
    readonly python: string
    readonly timeout_ms: number
    readonly max_memory_bytes: number
  }
  readonly log: FastifyBaseLogger
}

/** A dataset as training needs it. */
export interface FoundDataset {
  readonly status: DatasetStatus
  /** Faults that validation found. */
  readonly error_count: number
  /** Where its `data.jsonl` and its `images` lie. */
  readonly folder: string
}

/** What a dataset is called, and where it comes from. */
type Origin = Pick<DatasetRecord, 'name' | 'root'>

/**
 * Datasets on disk, each named by its files, so that none ever changes and a second copy is the
 * first. One is there as a whole or not at all; what is known of it is on disk, so that several
 * gateways can have one folder.
 */
export class DatasetStore {
  readonly #options: DatasetStoreOptions
  readonly #validator: Validator

  private constructor(options: DatasetStoreOptions) {
    this.#options = options
    this.#validator = new Validator({ ...options.check, log: options.log })
  }

  /** Opens the store, clears away what was never finished, and goes on validating. */
  static async open(options: DatasetStoreOptions): Promise<DatasetStore> {
    await mkdir(options.directory, { recursive: true, mode: 0o700 })
    await clear(options)
    const store = new DatasetStore(options)
    await store.#resume()
    return store
  }

  /** Ends the validation that runs; the next start begins it again. May be called twice. */
  close(): Promise<void> {
    return this.#validator.close()
  }

  /**
   * Takes in a dataset that `receive` gives as an archive; it returns the name. Whatever fails
   * leaves nothing on disk.
   */
  async add(
    receive: (archive: IncomingArchive) => Promise<string | null>,
    signal: AbortSignal,
  ): Promise<Dataset> {
    const folder = this.#path(`${NEW}${Date.now()}-${randomUUID()}`)
    try {
      await mkdir(folder, { mode: 0o700 })
      const limits = { ...this.#options.limits, room_bytes: await this.#room() }
      const archive = new IncomingArchive(folder, limits)
      const name = await receive(archive)
      const unpacked = await archive.unpack()
      signal.throwIfAborted()
      await rename(unpacked.folder, join(folder, FILES))
      return await this.#keep(folder, unpacked.files, { name, root: null })
    } catch (error) {
      throw storageFailure(error)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  /** Makes a folder of the operator's a dataset, where it lies. */
  async register(root: string, name: string | null, signal: AbortSignal): Promise<Dataset> {
    const files = await this.#readRoot(root, signal)
    const folder = this.#path(`${NEW}${Date.now()}-${randomUUID()}`)
    try {
      await mkdir(folder, { mode: 0o700 })
      return await this.#keep(folder, files, { name, root })
    } catch (error) {
      throw storageFailure(error)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  /** The newest first, behind the one of `after`, and whether there are more. */
  async list(page: {
    readonly after?: string | undefined
    readonly limit: number
  }): Promise<{ datasets: Dataset[]; has_more: boolean }> {
    const records = (await this.#records()).toSorted(byAge)
    const start = records.findIndex(({ id }) => id === page.after) + 1
    if (page.after !== undefined && start === 0) {
      throw invalidRequest([{ pointer: '/after', message: 'there is no such dataset' }])
    }

    const datasets: Dataset[] = []
    for (const record of records.slice(start, start + page.limit)) {
      datasets.push(describe(record, await readReport(this.#path(record.id))))
    }
    return { datasets, has_more: records.length > start + page.limit }
  }

  async read(id: DatasetId): Promise<DatasetDetails> {
    const record = await this.#record(id)
    const report = await readReport(this.#path(id))
    const errors = report === undefined ? [] : await readErrors(this.#path(id))
    return { ...describe(record, report), samples: report?.samples ?? [], errors }
  }

  async delete(id: DatasetId): Promise<void> {
    await this.#record(id)
    await this.#validator.cancel(id)
    const gone = this.#path(`${GONE}${randomUUID()}`)
    try {
      await rename(this.#path(id), gone)
    } catch (error) {
      if (codeOf(error) === 'ENOENT') throw notFound(id)
      throw error
    }
    await rm(gone, { recursive: true, force: true })
  }

  async #readRoot(root: string, signal: AbortSignal): Promise<DatasetFile[]> {
    const { upload_timeout_ms } = this.#options
    const deadline = AbortSignal.timeout(upload_timeout_ms)
    try {
      return await readFolder(this.#rootFolder(root), AbortSignal.any([signal, deadline]))
    } catch (error) {
      signal.throwIfAborted()
      if (deadline.aborted) {
        const message = `reading its files took longer than ${upload_timeout_ms} ms`
        throw new ApiError('deadline_exceeded', message, { cause: error })
      }
      throw codeOf(error) === 'ENOENT' ? lostRoot(root) : error
    }
  }

  /** A dataset as training needs it; nothing where there is none. */
  async find(id: DatasetId): Promise<FoundDataset | undefined> {
    const record = await readRecord(this.#path(id))
    if (record === undefined || this.#isLost(record)) return undefined
    const { status, error_count } = describe(record, await readReport(this.#path(id)))
    return { status, error_count, folder: this.#filesOf(record) }
  }

  /**
   * Waits until a dataset is validated, and validates it where nobody does. Returns nothing where
   * there is none, or none any more; throws the reason of the signal.
   */
  async validated(id: DatasetId, signal: AbortSignal): Promise<FoundDataset | undefined> {
    const found = await this.find(id)
    if (found?.status !== 'validating') return found
    try {
      await within(this.#validate(await this.#record(id)), signal)
    } catch (error) {
      signal.throwIfAborted()
      if ((await this.find(id)) !== undefined) throw error
    }
    return this.find(id)
  }

  /** Writes down what there is to know and shows the dataset; one that is there already stays. */
  async #keep(folder: string, files: readonly DatasetFile[], origin: Origin): Promise<Dataset> {
    const id = datasetIdOf(files)
    const created_at = new Date().toISOString()
    const record = { id, ...origin, bytes: bytesOf(files), created_at }
    await writeWhole(recordPath(folder), JSON.stringify(record))
    try {
      await rename(folder, this.#path(id))
    } catch (error) {
      if (!THERE_ALREADY.has(codeOf(error))) throw error
    }
    const kept = await this.#record(id)
    const report = await readReport(this.#path(id))
    if (report === undefined && !this.#isLost(kept)) void this.#validate(kept)
    return describe(kept, report)
  }

  /** Has a dataset validated; whoever waits for it waits for the promise. */
  #validate(record: DatasetRecord): Promise<void> {
    const { id } = record
    return this.#validator.validate({ id, files: this.#filesOf(record), folder: this.#path(id) })
  }

  /** Goes on with what an earlier process did not validate to the end. */
  async #resume(): Promise<void> {
    for (const record of await this.#records()) {
      if (this.#isLost(record) || (await readReport(this.#path(record.id))) !== undefined) continue
      void this.#validate(record)
    }
  }

  /** What may still be unpacked here. */
  async #room(): Promise<number> {
    const sent = (await this.#records()).filter(({ root }) => root === null)
    return this.#options.budget_bytes - bytesOf(sent)
  }

  async #records(): Promise<DatasetRecord[]> {
    const records: DatasetRecord[] = []
    for (const name of await readdir(this.#options.directory)) {
      if (!DatasetId.safeParse(name).success) continue
      const record = await readRecord(this.#path(name))
      if (record !== undefined) records.push(record)
    }
    return records
  }

  async #record(id: DatasetId): Promise<DatasetRecord> {
    const record = await readRecord(this.#path(id))
    if (record === undefined) throw notFound(id)
    return record
  }

  /** Whether its folder is no longer registered. */
  #isLost({ root }: DatasetRecord): boolean {
    return root !== null && !this.#options.roots.has(root)
  }

  #filesOf({ id, root }: DatasetRecord): string {
    return root === null ? join(this.#path(id), FILES) : this.#rootFolder(root)
  }

  #rootFolder(root: string): string {
    const folder = this.#options.roots.get(root)
    if (folder === undefined) throw lostRoot(root)
    return folder
  }

  #path(name: string): string {
    return join(this.#options.directory, name)
  }
}

/** The store of a server with these settings. */
export function openDatasets(config: Config, log: FastifyBaseLogger): Promise<DatasetStore> {
  return DatasetStore.open({
    directory: resolve(config.data_dir, 'datasets'),
    limits: {
      max_bytes: config.max_dataset_bytes,
      max_file_bytes: config.max_dataset_file_bytes,
      max_files: config.max_dataset_files,
      max_ratio: config.max_archive_ratio,
    },
    budget_bytes: config.dataset_store_bytes,
    roots: config.dataset_roots,
    upload_timeout_ms: config.upload_timeout_ms,
    check: {
      python: config.worker_python,
      timeout_ms: config.dataset_check_timeout_ms,
      max_memory_bytes: config.dataset_check_bytes,
    },
    log,
  })
}

/** Deletes what an earlier process did not finish, but not what another one may still receive. */
async function clear({ directory, upload_timeout_ms }: DatasetStoreOptions): Promise<void> {
  const left_ms = Date.now() - 2 * upload_timeout_ms
  for (const name of await readdir(directory)) {
    const isOld = name.startsWith(NEW) && Number.parseInt(name.slice(NEW.length), 10) < left_ms
    if (!isOld && !name.startsWith(GONE)) continue
    await rm(join(directory, name), { recursive: true, force: true })
  }
}

function byAge(a: DatasetRecord, b: DatasetRecord): number {
  return b.created_at.localeCompare(a.created_at) || a.id.localeCompare(b.id)
}

function notFound(id: string): ApiError {
  return new ApiError('dataset_not_found', `there is no dataset ${id}: GET /v1/datasets lists them`)
}

function lostRoot(root: string): ApiError {
  return new ApiError(
    'dataset_not_found',
    `no folder is registered as ${JSON.stringify(root)}: see PIXELLLM_DATASET_ROOTS`,
  )
}
