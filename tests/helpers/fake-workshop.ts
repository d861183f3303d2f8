import { access, appendFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type {
  LoadedModel,
  TrainingEventRecord,
  TrainingPlan,
  TrainOutcome,
} from '../../schemas/index.ts'
import { type TrainOptions, WorkerError, type Workshop } from '../../worker-bridge/index.ts'
import { runs } from '../worker-bridge/fixtures/processes.ts'
import { tinyModel } from './fake-worker.ts'

export type Order = Parameters<Workshop['train']>[0]

export interface Piece {
  readonly job: string
  readonly attempt: number
  readonly step: number
}

const LOCK_POLL_MS = 5
/** A checkpoint is saved after each of so many steps. */
const CHECKPOINT_EVERY = 2

/**
 * Does what Python does with a run directory, by the same protocol, and learns nothing. Set `piece`
 * to hold a step up or to make it fail; it is called before each.
 */
export class FakeWorkshop implements Workshop {
  /** Pieces of work that were done, by whichever workshop of the test. */
  readonly pieces: Piece[] = []
  /** Runs that were worked on twice at the same time, which must never happen. */
  readonly overlaps: string[] = []
  readonly plans: TrainingPlan[] = []
  steps = 4
  piece: (piece: Piece) => Promise<void> = async () => {}
  refuse: WorkerError | undefined
  #busy = false

  async load(): Promise<LoadedModel> {
    return tinyModel
  }

  async unload(): Promise<void> {}

  async check(plan: TrainingPlan): Promise<{ steps: number }> {
    this.plans.push(plan)
    if (this.refuse !== undefined) throw this.refuse
    return { steps: this.steps }
  }

  async train(order: Order, { signal }: TrainOptions): Promise<TrainOutcome> {
    if (this.#busy) throw new WorkerError('queue_full', 'another job is being worked on')
    this.#busy = true
    try {
      return await this.#hold(order, signal)
    } finally {
      this.#busy = false
    }
  }

  /** Works on the run while nobody else does. */
  async #hold(order: Order, signal: AbortSignal): Promise<TrainOutcome> {
    const lock = join(order.run, 'lock')
    while (!(await makeFile(lock))) {
      if (signal.aborted) return 'stopped'
      if (await isSuperseded(order)) return 'superseded'
      await sleep(LOCK_POLL_MS)
    }
    const inside = join(order.run, 'inside')
    // That of a process that was killed goes away the first time.
    const alone = (await makeFile(inside)) || (await makeFile(inside))
    if (!alone) this.overlaps.push(order.job)
    try {
      return await this.#work(order, signal)
    } finally {
      await rm(inside, { force: true })
      await rm(lock, { force: true })
    }
  }

  async #work(order: Order, signal: AbortSignal): Promise<TrainOutcome> {
    if (await isSuperseded(order)) return 'superseded'
    const reported = await reportedSteps(order)
    let step = await lastCheckpoint(order)
    const asked = await requestOf(order)
    if (asked !== undefined) return this.#obey(order, asked, step)
    await status(order, 'running', { attempt: order.attempt, step, steps: this.steps })

    while (step < this.steps) {
      await this.piece({ job: order.job, attempt: order.attempt, step: step + 1 })
      if (await isSuperseded(order)) return 'superseded'
      if (signal.aborted) return 'stopped'
      step += 1
      this.pieces.push({ job: order.job, attempt: order.attempt, step })
      if (!reported.has(step)) await report(order, step, this.steps)
      if (step % CHECKPOINT_EVERY === 0) await save(order, step)
      const wanted = await requestOf(order)
      if (wanted !== undefined) return this.#obey(order, wanted, step)
    }
    await mkdir(order.model.folder, { recursive: true })
    await status(order, 'succeeded', { model: order.model.id })
    return 'succeeded'
  }

  async #obey(order: Order, wanted: string, step: number): Promise<TrainOutcome> {
    if (wanted === 'cancel') {
      await status(order, 'cancelled', { step })
      return 'cancelled'
    }
    if (step > 0) await save(order, step)
    await status(order, 'paused', { step })
    return 'paused'
  }
}

async function append(order: Order, event: Omit<TrainingEventRecord, 'at'>): Promise<void> {
  const line = JSON.stringify({ at: new Date().toISOString(), ...event })
  await appendFile(join(order.run, 'events.jsonl'), `${line}\n`)
}

function status(order: Order, name: string, data: Record<string, unknown>): Promise<void> {
  return append(order, {
    level: 'info',
    type: 'status',
    message: `${name}`,
    data: { status: name, ...data },
  })
}

async function report(order: Order, step: number, steps: number): Promise<void> {
  const data = {
    step,
    steps,
    losses: { total: 1 / step },
    learning_rate: 0.001,
    images_per_s: 8,
    memory_bytes: null,
    remaining_s: steps - step,
  }
  await append(order, { level: 'info', type: 'metrics', message: `step ${step}`, data })
  const line = JSON.stringify({ step, total: 1 / step })
  await appendFile(join(order.run, 'metrics.jsonl'), `${line}\n`)
}

async function save(order: Order, step: number): Promise<void> {
  const id = `step-${String(step).padStart(8, '0')}`
  const folder = join(order.run, 'checkpoints', id)
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'training.safetensors'), Buffer.alloc(1000, step))
  await writeFile(join(folder, 'state.json'), JSON.stringify({ step, score: 1 / step }))
  await append(order, { level: 'info', type: 'checkpoint', message: id, data: { step } })
}

async function eventsOf(order: Order): Promise<TrainingEventRecord[]> {
  const text = await readFile(join(order.run, 'events.jsonl'), 'utf8')
  return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]))
}

/** What was asked for since the status last changed. */
async function requestOf(order: Order): Promise<string | undefined> {
  let wanted: string | undefined
  let now: unknown
  for (const { type, data } of await eventsOf(order)) {
    if (type === 'request') wanted = String(data.request)
    if (type !== 'status') continue
    if (data.status !== now) wanted = undefined
    now = data.status
  }
  return wanted
}

async function reportedSteps(order: Order): Promise<Set<number>> {
  const reports = (await eventsOf(order)).filter(({ type }) => type === 'metrics')
  return new Set(reports.map(({ data }) => Number(data.step)))
}

async function lastCheckpoint(order: Order): Promise<number> {
  const saved = (await eventsOf(order)).filter(({ type }) => type === 'checkpoint')
  return Math.max(0, ...saved.map(({ data }) => Number(data.step)))
}

async function isSuperseded({ run, attempt }: Order): Promise<boolean> {
  const next = join(run, 'attempts', String(attempt + 1).padStart(6, '0'))
  return access(next).then(
    () => true,
    () => false,
  )
}

/** Takes a lock; false where a living process has it. The system does this for Python. */
async function makeFile(path: string): Promise<boolean> {
  try {
    await writeFile(path, String(process.pid), { flag: 'wx' })
    return true
  } catch {
    const owner = Number(await readFile(path, 'utf8').catch(() => ''))
    if (owner > 0 && !(await runs(owner))) await rm(path, { force: true })
    return false
  }
}
