import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import type { ErrorCode, Failure, TrainingJobId, TrainOutcome } from '../../schemas/index.ts'
import { WorkerError, type Workshop } from '../../worker-bridge/index.ts'
import { ApiError } from '../errors.ts'
import { isDiskFull } from '../write-whole.ts'
import { isWorkable, type JobState } from './job-state.ts'
import type { JobStore } from './job-store.ts'
import type { TrainingLimits } from './limits.ts'
import type { TrainingDatasets, TrainingModels } from './ports.ts'
import type { Run } from './run.ts'

/** The worker can do it later. */
const LATER: ReadonlySet<ErrorCode> = new Set([
  'worker_unavailable',
  'queue_full',
  'model_unavailable',
])
/** The worker ended before the job did. */
const CRASHED: ReadonlySet<ErrorCode> = new Set(['worker_crashed', 'internal', 'deadline_exceeded'])
/** It is this gateway that ends. */
const ENDING: ReadonlySet<ErrorCode> = new Set(['shutting_down', 'cancelled'])

export interface SupervisorOptions {
  readonly store: JobStore
  readonly workshop: Workshop
  readonly datasets: TrainingDatasets
  readonly models: TrainingModels
  /** Where a model of this name goes. */
  readonly modelFolder: (model: string) => string
  readonly limits: TrainingLimits
  readonly log: FastifyBaseLogger
}

type Order = Parameters<Workshop['train']>[0]

/**
 * Has jobs worked on. Python writes what becomes of them; the supervisor writes what Python cannot,
 * because it has died or because its gateway ends.
 */
export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #stopping = new AbortController()
  readonly #working = new Set<Promise<void>>()

  constructor(options: SupervisorOptions) {
    this.#options = options
  }

  /** Works on a job until it is done, or somebody else has to go on with it. */
  async carryOut(id: TrainingJobId): Promise<void> {
    const work = this.#find(id)
    this.#working.add(work)
    try {
      await work
    } finally {
      this.#working.delete(work)
    }
  }

  /** Has what runs stop after its present step; it goes on wherever a gateway takes it next. */
  async close(): Promise<void> {
    this.#stopping.abort()
    const late = new AbortController()
    const deadline = sleep(this.#options.limits.close_ms, undefined, { signal: late.signal })
    await Promise.race([Promise.allSettled(this.#working), deadline])
    late.abort()
    await deadline.catch(() => {})
  }

  async #find(id: TrainingJobId): Promise<void> {
    const run = await this.#options.store.find(id)
    if (run !== undefined) await this.#attempt(run)
  }

  /** One attempt after the other, until one of them is the last. */
  async #attempt(run: Run): Promise<void> {
    const { limits, log } = this.#options
    let pause_ms = limits.backoff_ms
    let attempt: number | undefined
    while (!this.#stopping.signal.aborted && isWorkable(await run.state())) {
      attempt = await run.claim(attempt)
      // Whoever takes a job from its worker changes its status first and claims then.
      if (attempt === undefined || !isWorkable(await run.state())) return
      const ending = await this.#work(run, attempt)
      if (ending === undefined) return
      if (typeof ending === 'string') return this.#end(run, ending)
      const isLater = LATER.has(ending.code)
      log.warn(`${run.record.id}, attempt ${attempt}: ${ending.message} (${ending.code})`)
      if (this.#stopping.signal.aborted || ENDING.has(ending.code)) return giveBack(run)
      if (!isLater && !(await this.#survive(run, ending))) return

      await sleep(pause_ms, undefined, { signal: this.#stopping.signal }).catch(() => {})
      pause_ms = Math.min(pause_ms * 2, limits.max_backoff_ms)
    }
  }

  /** Has a worker work on it. Undefined where the job fails for want of something. */
  async #work(run: Run, attempt: number): Promise<TrainOutcome | Failure | undefined> {
    const { workshop } = this.#options
    try {
      const order = await this.#order(run, attempt)
      return order && (await workshop.train(order, { signal: this.#stopping.signal }))
    } catch (error) {
      if (!(error instanceof WorkerError || error instanceof ApiError)) throw error
      return { code: error.code, message: error.message }
    }
  }

  /** What the worker is told. Undefined where the job fails for want of something. */
  async #order(run: Run, attempt: number): Promise<Order | undefined> {
    const { datasets, models, modelFolder } = this.#options
    const { id, dataset, base_model, model } = run.record
    const data = await datasets.find(dataset)
    const base = await models.find(base_model)
    if (data === undefined) {
      await this.#fail(run, {
        code: 'dataset_not_found',
        message: `the dataset ${dataset} is not there any more`,
      })
      return undefined
    }
    if (base === undefined) {
      await this.#fail(run, {
        code: 'model_not_found',
        message: `the model ${base_model} is not there any more`,
      })
      return undefined
    }
    return {
      job: id,
      run: run.folder,
      attempt,
      dataset: data.folder,
      base_model,
      base_folder: base.folder,
      model: { id: model, folder: modelFolder(model) },
    }
  }

  /** Python has written what an outcome means, unless it could not. */
  async #end(run: Run, outcome: TrainOutcome): Promise<void> {
    if (outcome === 'superseded') return
    if (outcome === 'stopped') return giveBack(run)
    const { status } = await run.state()
    if (status === outcome || status !== 'running') return
    this.#options.log.error(`${run.record.id}: the worker ended as ${outcome} without an event`)
    await giveBack(run)
  }

  /** Notes a crash. False where the job does not go on after it. */
  async #survive(run: Run, { code, message }: Failure): Promise<boolean> {
    const { limits } = this.#options
    if (!CRASHED.has(code)) {
      await this.#fail(run, { code, message })
      return false
    }
    const state = await run.state()
    // Nobody is left who could do what was asked.
    if (state.requested !== null) {
      await giveBack(run)
      return false
    }
    if (state.crashes + 1 >= limits.crashes) {
      const text = `the worker stopped ${limits.crashes} times without getting further: ${message}`
      await this.#fail(run, { code: code === 'internal' ? code : 'worker_crashed', message: text })
      return false
    }
    await noteCrash(run, state)
    return true
  }

  /** Says that a job has failed; where the disk has no room for that, as soon as it has. */
  async #fail(run: Run, error: Failure): Promise<void> {
    const { limits, log } = this.#options
    const { signal } = this.#stopping
    while (!signal.aborted && isWorkable(await run.state())) {
      try {
        await run.setStatus('failed', error.message, { error })
      } catch (failure) {
        if (!isDiskFull(failure)) throw failure
        log.warn(`${run.record.id} has failed, and the disk is too full to say so`)
        await sleep(limits.max_backoff_ms, undefined, { signal }).catch(() => {})
      }
    }
  }
}

/** Says that nobody works on it any more, which does what was asked of a job that ran. */
async function giveBack(run: Run): Promise<void> {
  const { status, requested } = await run.state()
  if (status !== 'running') return
  if (requested === 'cancel') await run.setStatus('cancelled', 'cancelled')
  else if (requested === 'pause') {
    await run.setStatus('paused', 'paused; it goes on from the last checkpoint')
  } else {
    await run.setStatus('queued', 'interrupted; it goes on from the last checkpoint')
  }
}

async function noteCrash(run: Run, { status }: JobState): Promise<void> {
  const message = 'the worker stopped; it goes on from the last checkpoint'
  const data = { crashed: true }
  if (status === 'running') await run.setStatus('queued', message, data)
  else await run.events.append({ level: 'warn', type: 'message', message, data })
}
