import { createHash, randomUUID } from 'node:crypto'
import { link, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { TrainingJobId } from '../../schemas/index.ts'
import { codeOf } from '../error-code.ts'
import { ApiError } from '../errors.ts'
import { sync } from './whole-folder.ts'

const KEPT_MS = 24 * 60 * 60 * 1000
const SWEEP_MS = 60 * 60 * 1000

const Known = z.strictObject({
  /** SHA-256 of the request. */
  request: z.string(),
  job: TrainingJobId,
  at_ms: z.number(),
})
type Known = z.infer<typeof Known>

/**
 * What the keys of the last day were used for, on disk: `<hash of the key>/<number>`. A number is
 * taken by one caller only, so two with the same key get the same job, at whichever gateways.
 */
export class IdempotencyKeys {
  readonly #directory: string
  readonly #now: () => number
  readonly #sweeper: NodeJS.Timeout

  private constructor(directory: string, now: () => number) {
    this.#directory = directory
    this.#now = now
    this.#sweeper = setInterval(() => void this.sweep().catch(() => {}), SWEEP_MS).unref()
  }

  static async open(directory: string, now = Date.now): Promise<IdempotencyKeys> {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const keys = new IdempotencyKeys(directory, now)
    await keys.sweep()
    return keys
  }

  close(): void {
    clearInterval(this.#sweeper)
  }

  /** The job that the key was used for. Throws `idempotency_conflict` where that was another request. */
  async find(key: string, request: unknown): Promise<TrainingJobId | undefined> {
    const { known } = await this.#last(key)
    if (known === undefined) return undefined
    if (known.request === hashOf(request)) return known.job
    throw new ApiError(
      'idempotency_conflict',
      'this Idempotency-Key was used for another request: choose a new one for each job',
    )
  }

  /** Takes the key for a job; where somebody was faster, the job is theirs. */
  async take(key: string, request: unknown, job: TrainingJobId): Promise<TrainingJobId> {
    for (;;) {
      const taken = await this.find(key, request)
      if (taken !== undefined) return taken
      const { number } = await this.#last(key)
      await this.#write(key, number + 1, { request: hashOf(request), job, at_ms: this.#now() })
    }
  }

  /** Deletes what is too old to count. */
  async sweep(): Promise<void> {
    for (const name of await readdir(this.#directory)) {
      const { known } = await this.#lastIn(join(this.#directory, name))
      if (known === undefined) {
        await rm(join(this.#directory, name), { recursive: true, force: true })
      }
    }
  }

  #last(key: string): Promise<{ number: number; known: Known | undefined }> {
    return this.#lastIn(this.#folder(key))
  }

  async #lastIn(folder: string): Promise<{ number: number; known: Known | undefined }> {
    const names = await readdir(folder).catch(whereMissing([]))
    const number = names.filter((name) => /^\d+$/.test(name)).reduce((a, b) => Math.max(a, +b), 0)
    const text = await readFile(join(folder, String(number)), 'utf8').catch(whereMissing(undefined))
    const known = text === undefined ? undefined : Known.parse(JSON.parse(text))
    const counts = known !== undefined && this.#now() - known.at_ms < KEPT_MS
    return { number, known: counts ? known : undefined }
  }

  /** Takes a number of the key, unless somebody else has; the file is there as a whole. */
  async #write(key: string, number: number, known: Known): Promise<void> {
    const folder = this.#folder(key)
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const aside = join(folder, randomUUID())
    try {
      await writeFile(aside, JSON.stringify(known), { mode: 0o600, flush: true })
      await link(aside, join(folder, String(number)))
      await sync(folder)
    } catch (error) {
      // ENOENT: the folder was swept meanwhile.
      if (codeOf(error) !== 'EEXIST' && codeOf(error) !== 'ENOENT') throw error
    } finally {
      await rm(aside, { force: true })
    }
  }

  #folder(key: string): string {
    return join(this.#directory, sha256(key))
  }
}

/** The same for the same request, in whatever order its fields are. */
function hashOf(request: unknown): string {
  return sha256(JSON.stringify(inOrder(request)))
}

function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([name, inner]) => [name, inOrder(inner)]))
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function whereMissing<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (codeOf(error) !== 'ENOENT') throw error
    return value
  }
}
