import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import type { TrainingJobId } from '../../schemas/index.ts'
import { isWorkable, type JobState } from './job-state.ts'
import type { JobStore } from './job-store.ts'
import { JobTally } from './job-tally.ts'
import type { TrainingDatasets } from './ports.ts'
import { isGone } from './process-identity.ts'
import type { Run } from './run.ts'
import type { QueueContents, TrainingQueue } from './training-queue.ts'

export interface ReconcilerOptions {
  readonly store: JobStore
  readonly queue: TrainingQueue
  readonly datasets: TrainingDatasets
  readonly every_ms: number
  readonly log: FastifyBaseLogger
}

interface Pending {
  readonly id: TrainingJobId
  readonly state: JobState
}

/**
 * Makes the queue what the run directories say, again and again: jobs that it lost, because its server
 * or a gateway died at a bad moment, are put back; jobs whose gateway is gone get another.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions
  readonly #closing = new AbortController()
  /** What the jobs were at the last look. */
  readonly tally = new JobTally()
  #finished: Promise<void> | undefined

  constructor(options: ReconcilerOptions) {
    this.#options = options
  }

  start(): void {
    this.#finished ??= this.#repeat()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#finished
  }

  /** Puts a job in line that somebody should work on; with `first`, because its turn has begun. */
  async enqueue(id: TrainingJobId, options: { readonly first?: boolean } = {}): Promise<void> {
    const run = await this.#options.store.findReadable(id)
    if (run === undefined || !isWorkable(await run.state())) return
    await this.#options.queue.add(id, options)
  }

  async #repeat(): Promise<void> {
    const { signal } = this.#closing
    let complaint = ''
    while (!signal.aborted) {
      try {
        await this.#reconcile()
        complaint = ''
      } catch (error) {
        // The same once, however often it happens.
        if (String(error) !== complaint) this.#options.log.warn({ err: error }, 'the job queue')
        complaint = String(error)
      }
      await sleep(this.#options.every_ms, undefined, { signal }).catch(() => {})
    }
  }

  async #reconcile(): Promise<void> {
    const { queue } = this.#options
    const pending = await this.#pending()
    if (!queue.isReady) return
    const contents = await queue.contents()
    await this.#refill(pending, contents)
    await this.#release(contents)
  }

  /** The jobs that somebody should work on, the oldest first. */
  async #pending(): Promise<Pending[]> {
    const { store } = this.#options
    const pending: Pending[] = []
    const states = new Map<TrainingJobId, JobState>()
    for (const id of (await store.ids()).reverse()) {
      if (this.tally.hasEnded(id)) continue
      const run = await store.findReadable(id)
      if (run === undefined) continue
      let state = await run.state()
      if (state.status === 'validating_files') state = await this.#validate(run, state)
      if (isWorkable(state)) pending.push({ id, state })
      states.set(id, state)
    }
    this.tally.take(states)
    return pending
  }

  /** Lets a job begin, or fail, when its dataset is validated. */
  async #validate(run: Run, state: JobState): Promise<JobState> {
    const { dataset } = run.record
    const found = await this.#options.datasets.find(dataset)
    if (found?.status === 'validating') return state
    if (found?.status === 'ready') return run.setStatus('queued', 'the dataset is valid')
    const error =
      found === undefined
        ? { code: 'dataset_not_found', message: `the dataset ${dataset} is not there any more` }
        : { code: 'dataset_invalid', message: invalidMessage(dataset, found.error_count) }
    return run.setStatus('failed', error.message, { error })
  }

  async #refill(pending: readonly Pending[], { waiting, active }: QueueContents): Promise<void> {
    const { queue } = this.#options
    const lost = pending.filter(({ id }) => !waiting.has(id) && !active.has(id))
    const begun = lost.filter(({ state }) => state.started_at !== null)
    const others = lost.filter(({ state }) => state.started_at === null)
    for (const { id } of begun.reverse()) await queue.add(id, { first: true })
    for (const { id } of others) await queue.add(id)
  }

  async #release({ active }: QueueContents): Promise<void> {
    for (const [id, token] of active) {
      if (token !== null && (await isGone(token))) await this.#options.queue.release(id, token)
    }
  }
}

/** Why a job on a dataset with faults does not begin. */
export function invalidMessage(dataset: string, errors: number): string {
  return `the dataset ${dataset} has ${errors} errors: GET /v1/datasets/${dataset} lists them; send it again without them`
}
