import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Logger, pino } from 'pino'
import { loadConfig } from '../../api/config.ts'
import {
  Training,
  type TrainingDataset,
  type TrainingLimits,
  type TrainingModel,
} from '../../api/training/index.ts'
import type { Run } from '../../api/training/run.ts'
import {
  type TrainingEvent,
  type TrainingJob,
  TrainingJobId,
  TrainingJobRequest,
  type TrainingJobStatus,
} from '../../schemas/index.ts'
import { FakeWorkshop } from './fake-workshop.ts'

export const DATASET = `ds_${'0'.repeat(32)}`
/** The end of a test's patience with an event. */
const PATIENCE_MS = 25_000

/** Fast where waiting is of no use, and slow to lose a lock, on a machine that does much else. */
export const testLimits: Partial<TrainingLimits> = {
  reconcile_ms: 50,
  stalled_ms: 100,
  follow_ms: 5,
  backoff_ms: 10,
  max_backoff_ms: 20,
  close_ms: 5000,
}

export const request = TrainingJobRequest.parse({ recipe: 'caption_pretrain', dataset: DATASET })

export interface TrainingPlace {
  readonly training: Training
  readonly workshop: FakeWorkshop
  readonly datasets: Map<string, TrainingDataset>
  readonly models: Map<string, TrainingModel>
  readonly folder: string
  readonly lines: Record<string, unknown>[]
  close(): Promise<void>
}

export interface PlaceOptions {
  /** A folder that others have as well, or that is used again; else one of its own. */
  readonly folder?: string
  readonly settings?: Record<string, string>
  readonly limits?: Partial<TrainingLimits>
  readonly workshop?: FakeWorkshop
}

/** Training with the real Valkey, and a workshop that only plays Python's part. */
export async function openTraining(options: PlaceOptions = {}): Promise<TrainingPlace> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'pixelllm-training-')))
  const workshop = options.workshop ?? new FakeWorkshop()
  const ready: TrainingDataset = { status: 'ready', folder: join(folder, 'ds'), error_count: 0 }
  const datasets = new Map<string, TrainingDataset>([[DATASET, ready]])
  const models = new Map<string, TrainingModel>([['tiny', { folder: null }]])
  const lines: Record<string, unknown>[] = []
  const training = await Training.open({
    settings: loadConfig({ PIXELLLM_DATA_DIR: folder, ...options.settings }),
    workshop,
    datasets: { find: async (id) => datasets.get(id) },
    models: { default: () => 'tiny', find: async (id) => models.get(id) },
    log: logTo(lines),
    limits: { ...testLimits, ...options.limits },
  })
  const close = async (): Promise<void> => {
    await training.close()
    if (options.folder === undefined) await rm(folder, { recursive: true, force: true })
  }
  return { training, workshop, datasets, models, folder, lines, close }
}

export function logTo(lines: Record<string, unknown>[]): Logger {
  return pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) })
}

/** Resolves when the queue answers. */
export async function queueReady({ training }: TrainingPlace): Promise<void> {
  const { client } = training.bull
  await new Promise<void>((resolve, reject) => {
    if (client.status === 'ready') resolve()
    client.once('ready', resolve)
    AbortSignal.timeout(PATIENCE_MS).addEventListener('abort', () => reject(new Error('no queue')))
  })
}

/** Makes a job as soon as the queue answers. */
export async function createJob(
  place: TrainingPlace,
  more: Partial<TrainingJobRequest> = {},
): Promise<Run> {
  await queueReady(place)
  const { id } = await place.training.create({ ...request, ...more }, undefined)
  return place.training.store.get(id)
}

export async function runOf({ training }: TrainingPlace, id: string): Promise<Run> {
  return training.store.get(TrainingJobId.parse(id))
}

/** Waits for an event of a run. */
export async function untilEvent(
  { training }: TrainingPlace,
  run: Run,
  wanted: (event: TrainingEvent) => boolean,
): Promise<TrainingEvent> {
  const signal = AbortSignal.timeout(PATIENCE_MS)
  const seen: string[] = []
  for await (const event of training.followers.follow(run, 0, signal)) {
    if (wanted(event)) return event
    seen.push(`${event.type} ${String(event.data.status ?? '')}`)
  }
  throw new Error(`no such event; there were: ${seen.join(', ')}`)
}

export async function untilStatus(
  place: TrainingPlace,
  run: Run,
  status: TrainingJobStatus,
): Promise<TrainingJob> {
  await untilEvent(place, run, ({ data }) => data.status === status)
  return run.job()
}

/** The statuses that a job has had. */
export async function statusesOf(run: Run): Promise<unknown[]> {
  const { events } = await run.events.page(0, 1000)
  return events.filter(({ type }) => type === 'status').map(({ data }) => data.status)
}

/** The steps that were reported, in order. */
export async function reportsOf(run: Run): Promise<unknown[]> {
  const { events } = await run.events.page(0, 1000)
  return events.filter(({ type }) => type === 'metrics').map(({ data }) => data.step)
}
