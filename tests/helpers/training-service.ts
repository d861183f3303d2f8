/** Training over HTTP, as a program with the client does it. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { placesOf, ROOT } from '../../scripts/setup/places.mjs'
import type {
  DatasetDetails,
  PixelLLM,
  TrainingEvent,
  TrainingJob,
  TrainingMetrics,
} from '../../sdk/src/index.ts'

const run = promisify(execFile)
/** The end of a test's patience with a server. */
const PATIENCE_MS = 120_000
/** Between two looks at what cannot be followed; the processors are the server's meanwhile. */
const LOOK_MS = 50

/** Draws scenes in the plain layout into a new folder. */
export async function writeScenes(
  folder: string,
  scenes: number,
  ...options: string[]
): Promise<void> {
  const program = ['-m', 'pixelllm.data', 'write-plain', folder, '--scenes', `${scenes}`]
  await run(placesOf(ROOT).venvPython, [...program, ...options], { timeout: PATIENCE_MS })
}

/** Scenes in the plain layout, as an archive. */
export async function sceneArchive(scenes: number, ...options: string[]): Promise<Blob> {
  const parent = await mkdtemp(join(tmpdir(), 'pixelllm-scenes-'))
  try {
    const folder = join(parent, 'scenes')
    const archive = join(parent, 'scenes.tar.gz')
    await writeScenes(folder, scenes, ...options)
    await run('tar', ['-czf', archive, '-C', folder, '.'])
    return new Blob([await readFile(archive)])
  } finally {
    await rm(parent, { recursive: true, force: true })
  }
}

/** Sends scenes as an archive, and waits until they are validated. */
export async function uploadScenes(
  client: PixelLLM,
  scenes: number,
  ...options: string[]
): Promise<DatasetDetails> {
  const archive = await sceneArchive(scenes, ...options)
  const { id } = await client.datasets.upload(archive, { name: 'scenes' })
  return client.datasets.wait(id, { signal: AbortSignal.timeout(PATIENCE_MS) })
}

/** Waits until a worker answers. */
export async function untilReady(client: PixelLLM): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS
  while (!(await client.health()).ready) {
    if (Date.now() > deadline) throw new Error('no worker is ready')
    await sleep(LOOK_MS)
  }
}

export interface EndedJob {
  readonly job: TrainingJob
  /** Everything that happened to it, as it came. */
  readonly events: readonly TrainingEvent[]
  readonly curve: readonly Losses[]
}

/** What a step was worth. */
export interface Losses {
  readonly step: number
  readonly losses: Readonly<Record<string, unknown>>
}

/** Follows a job to its end. */
export async function followToEnd(
  client: PixelLLM,
  id: string,
  patience_ms = PATIENCE_MS,
): Promise<EndedJob> {
  const { trainingJobs } = client
  const signal = AbortSignal.timeout(patience_ms)
  const events: TrainingEvent[] = []
  for await (const event of trainingJobs.events(id, { signal })) events.push(event)
  const curve = (await trainingJobs.metrics(id).all()).map(lossesOf)
  return { job: await trainingJobs.read(id), events, curve }
}

/** What tells of time is left out. */
function lossesOf({ step, values: { step_s, ...losses } }: TrainingMetrics): Losses {
  return { step, losses }
}

export function statusesOf(events: readonly TrainingEvent[]): unknown[] {
  return events.filter(({ type }) => type === 'status').map(({ data }) => data.status)
}

/** The steps that were told, in the order in which they were. */
export function stepsOf(events: readonly TrainingEvent[]): unknown[] {
  return events.filter(({ type }) => type === 'metrics').map(({ data }) => data.step)
}

export function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}

/** Of a recipe for captions with places: only the language model learns, so that steps are short. */
export const QUICK = {
  batch_size: 2,
  language: 'words',
  frozen: ['sam', 'eva', 'prompt_encoder', 'extractor', 'point_head', 'mask_decoder'],
  'optimiser.warm_up': 2,
  'schedule.report_every': 1,
  'machine.precision': 'float32',
}

/** A short job of `tiny`, each of whose steps is told; a checkpoint every five. */
export const SHORT = { ...QUICK, steps: 24, 'schedule.save_every': 5 }

/** Steps of a job that goes on for longer than any test waits. */
export const ENDLESS = 5000

/** What "Teach new names" of docs/training.md says, for a lesson of so many steps. */
export function teachNewNames(steps: number, learningRate: number) {
  return {
    steps,
    batch_size: 8,
    language: 'words',
    frozen: QUICK.frozen,
    'optimiser.learning_rate': learningRate,
    'optimiser.warm_up': 20,
    'optimiser.max_norm': 1,
    'noise.dropout': 0,
    'machine.precision': 'float32',
  }
}
