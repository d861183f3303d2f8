import type {
  ErrorCode,
  TrainingJobId,
  TrainingJobStatus,
  TrainingProgress,
} from '../../schemas/index.ts'
import { isFinal, type JobState } from './job-state.ts'

/** How a job ended. */
export interface JobEnd {
  readonly status: TrainingJobStatus
  /** Why it failed. */
  readonly code: ErrorCode | null
  /** From its first step on, its pauses included; 0 for one that never began. */
  readonly seconds: number
}

export interface JobCounts {
  /** Those of the data folder, by their status. */
  readonly jobs: ReadonlyMap<TrainingJobStatus, number>
  /** How far those are that run. */
  readonly running: readonly (TrainingProgress | null)[]
  /** Those that ended since this gateway was started, in the order in which that was seen. */
  readonly ends: readonly JobEnd[]
}

/** Counts jobs as somebody goes over them, so that nobody has to for the sake of counting. */
export class JobTally {
  readonly #since = new Date().toISOString()
  readonly #final = new Map<TrainingJobId, TrainingJobStatus>()
  readonly #ends: JobEnd[] = []
  #open: readonly JobState[] = []

  /** Whether a job is known to have ended: what it is does not change any more. */
  hasEnded(id: TrainingJobId): boolean {
    return this.#final.has(id)
  }

  /** Takes in the jobs of which it was not known that they had ended. */
  take(states: ReadonlyMap<TrainingJobId, JobState>): void {
    this.#open = [...states.values()].filter((state) => !isFinal(state))
    for (const [id, state] of states) if (isFinal(state)) this.#end(id, state)
  }

  get counts(): JobCounts {
    const jobs = new Map<TrainingJobStatus, number>()
    for (const status of [...this.#final.values(), ...this.#open.map(({ status }) => status)]) {
      jobs.set(status, (jobs.get(status) ?? 0) + 1)
    }
    const running = this.#open.filter(({ status }) => status === 'running')
    return {
      jobs,
      running: running.map(({ progress }) => progress),
      ends: this.#ends,
    }
  }

  #end(id: TrainingJobId, { status, error, started_at, finished_at }: JobState): void {
    this.#final.set(id, status)
    if (finished_at === null || finished_at < this.#since) return
    const took_ms = Date.parse(finished_at) - Date.parse(started_at ?? finished_at)
    this.#ends.push({ status, code: error?.code ?? null, seconds: took_ms / 1000 })
  }
}
