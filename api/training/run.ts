import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { TrainingEventRecord, TrainingJob, TrainingJobRecord } from '../../schemas/index.ts'
import { codeOf } from '../error-code.ts'
import type { EventLog } from './event-log.ts'
import { type JobState, toTrainingJob } from './job-state.ts'

const ATTEMPT = /^\d{6}$/
const ATTEMPT_DIGITS = 6

export interface RunOptions {
  readonly folder: string
  readonly record: TrainingJobRecord
  readonly events: EventLog
}

/**
 * The folder of a job, where Python and every gateway meet. Whatever happens to the job is in there;
 * nothing in memory or in the queue says more.
 */
export class Run {
  readonly folder: string
  readonly record: TrainingJobRecord
  readonly events: EventLog

  constructor({ folder, record, events }: RunOptions) {
    this.folder = folder
    this.record = record
    this.events = events
  }

  /** What its events amount to now. */
  state(): Promise<JobState> {
    return this.events.read()
  }

  async job(): Promise<TrainingJob> {
    return toTrainingJob(this.record, await this.state())
  }

  /** Adds an event of type `status`; the state then says whether it counted. */
  setStatus(
    status: TrainingJob['status'],
    message: string,
    data: Readonly<Record<string, unknown>> = {},
  ): Promise<JobState> {
    const level: TrainingEventRecord['level'] = status === 'failed' ? 'error' : 'info'
    return this.events.append({ level, type: 'status', message, data: { status, ...data } })
  }

  /** Asks whoever works on it to pause or cancel. */
  request(request: 'pause' | 'cancel'): Promise<JobState> {
    const message = `asked to ${request} after the present step`
    return this.events.append({ level: 'info', type: 'request', message, data: { request } })
  }

  /**
   * Takes the next attempt, from which moment those before have to stop. With `own`, only the one
   * behind it: undefined where somebody else has taken that.
   */
  async claim(own?: number): Promise<number | undefined> {
    for (;;) {
      const next = (own ?? (await this.#lastAttempt())) + 1
      if (await this.#make(next)) return next
      if (own !== undefined) return undefined
    }
  }

  async #lastAttempt(): Promise<number> {
    const names = (await readdir(join(this.folder, 'attempts'))).filter((name) =>
      ATTEMPT.test(name),
    )
    return names.reduce((last, name) => Math.max(last, Number(name)), 0)
  }

  async #make(attempt: number): Promise<boolean> {
    const name = String(attempt).padStart(ATTEMPT_DIGITS, '0')
    try {
      const file = await open(join(this.folder, 'attempts', name), 'wx', 0o600)
      await file.close()
      return true
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false
      throw error
    }
  }
}
