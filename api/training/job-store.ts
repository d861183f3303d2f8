import { randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type TrainingEventRecord,
  TrainingJobId,
  TrainingJobRecord,
  type TrainingJobStatus,
} from '../../schemas/index.ts'
import type { Log } from '../../worker-bridge/index.ts'
import { codeOf } from '../error-code.ts'
import { ApiError } from '../errors.ts'
import { storageFailure } from '../write-whole.ts'
import { EventLog } from './event-log.ts'
import { Run } from './run.ts'
import { writeFolder } from './whole-folder.ts'

/** A folder that is not renamed after so long has no writer any more. */
const NEW_MS = 60 * 60 * 1000
const NEW = '.new-'
/** What a rename onto a folder that is there says, by platform. */
const EXISTS: ReadonlySet<string | undefined> = new Set(['ENOTEMPTY', 'EEXIST'])

/** The runs on disk, by the ids of their jobs. Any number of gateways share them. */
export class JobStore {
  readonly #directory: string
  readonly #runs = new Map<TrainingJobId, Run>()

  readonly #log: Log
  readonly #unreadable = new Set<TrainingJobId>()

  private constructor(directory: string, log: Log) {
    this.#directory = directory
    this.#log = log
  }

  /** Opens the store in `directory`, which is made where it is missing. */
  static async open(directory: string, log: Log): Promise<JobStore> {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await removeUnfinished(directory)
    return new JobStore(directory, log)
  }

  /** Makes the run of a job with its first event; one that is there already stays as it is. */
  async create(record: TrainingJobRecord, first: Omit<TrainingEventRecord, 'at'>): Promise<Run> {
    const aside = join(this.#directory, `${NEW}${record.id}-${randomUUID()}`)
    const event: TrainingEventRecord = { at: record.created_at, ...first }
    try {
      await writeFolder(join(this.#directory, record.id), aside, {
        'job.json': `${JSON.stringify(record, undefined, 2)}\n`,
        'events.jsonl': `${JSON.stringify(event)}\n`,
        'attempts/': '',
      })
    } catch (error) {
      if (!EXISTS.has(codeOf(error))) throw storageFailure(error)
    }
    return this.get(record.id)
  }

  /** Throws `job_not_found` where there is none. */
  async get(id: TrainingJobId): Promise<Run> {
    const run = await this.find(id)
    if (run === undefined) throw new ApiError('job_not_found', `there is no training job ${id}`)
    return run
  }

  /** Undefined where there is none, or its folder is gone. */
  async find(id: TrainingJobId): Promise<Run | undefined> {
    try {
      const run = this.#runs.get(id) ?? (await this.#open(id))
      await run.state()
      return run
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error
      this.#runs.delete(id)
      return undefined
    }
  }

  /** Undefined also where it cannot be read, which is said once: one run is not worth the others. */
  async findReadable(id: TrainingJobId): Promise<Run | undefined> {
    try {
      return await this.find(id)
    } catch (error) {
      if (!this.#unreadable.has(id))
        this.#log.error(`the run ${id} cannot be read: ${String(error)}`)
      this.#unreadable.add(id)
      return undefined
    }
  }

  /** Every job, the newest first. */
  async ids(): Promise<TrainingJobId[]> {
    const names = await readdir(this.#directory)
    return names
      .flatMap((name) => TrainingJobId.safeParse(name).data ?? [])
      .sort()
      .reverse()
  }

  /** A page of the jobs behind `after`, the newest first. */
  async page(
    after: TrainingJobId | undefined,
    limit: number,
    status: TrainingJobStatus | undefined,
  ): Promise<{ runs: Run[]; has_more: boolean }> {
    const runs: Run[] = []
    for (const id of await this.ids()) {
      if (after !== undefined && id >= after) continue
      const run = await this.findReadable(id)
      if (run === undefined) continue
      if (status !== undefined && (await run.state()).status !== status) continue
      if (runs.length === limit) return { runs, has_more: true }
      runs.push(run)
    }
    return { runs, has_more: false }
  }

  async #open(id: TrainingJobId): Promise<Run> {
    const folder = join(this.#directory, id)
    const text = await readFile(join(folder, 'job.json'), 'utf8')
    const record = TrainingJobRecord.parse(JSON.parse(text))
    const run = new Run({ folder, record, events: new EventLog(join(folder, 'events.jsonl')) })
    this.#runs.set(id, run)
    return run
  }
}

async function removeUnfinished(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!name.startsWith(NEW)) continue
    const path = join(directory, name)
    const found = await stat(path).catch(() => undefined)
    if (found && Date.now() - found.mtimeMs > NEW_MS)
      await rm(path, { recursive: true, force: true })
  }
}
