import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import {
  Dataset,
  DatasetDetails,
  TrainingEvent,
  TrainingJob,
  TrainingMetricsList,
} from '../../schemas/index.ts'
import { placesOf, ROOT } from '../../scripts/setup/places.mjs'
import { PixelLLM } from '../../sdk/src/index.ts'

const run = promisify(execFile)
const JOBS = '/v1/training-jobs'
const JSON_BODY = { 'content-type': 'application/json' }
/** The end of a test's patience with a job. */
const PATIENCE_MS = 120_000
/** Between two looks at what cannot be followed; the processors are the server's meanwhile. */
const LOOK_MS = 50

/** Of a recipe for captions with places: only the language model learns, so that steps are short. */
export const QUICK = {
  batch_size: 2,
  language: 'words',
  frozen: ['sam', 'eva', 'prompt_encoder', 'extractor', 'point_head', 'mask_decoder'],
  'optimiser.warm_up': 2,
  'schedule.report_every': 1,
  'machine.precision': 'float32',
}
/** Steps of a job that goes on for longer than any test waits. */
export const ENDLESS = 5000

/** Scenes in the plain layout, as an archive. */
export async function sceneArchive(scenes: number, ...options: string[]): Promise<Blob> {
  const parent = await mkdtemp(join(tmpdir(), 'pixelllm-scenes-'))
  try {
    const folder = join(parent, 'scenes')
    const count = ['--scenes', `${scenes}`, ...options]
    const program = ['-m', 'pixelllm.data', 'write-plain', folder, ...count]
    await run(placesOf(ROOT).venvPython, program, { timeout: 60_000 })
    await run('tar', ['-czf', join(parent, 'scenes.tar.gz'), '-C', folder, '.'])
    return new Blob([await readFile(join(parent, 'scenes.tar.gz'))])
  } finally {
    await rm(parent, { recursive: true, force: true })
  }
}

/** Training over HTTP, as a client of the server at `address` does it. */
export class TrainingService {
  readonly address: string

  constructor(address: string) {
    this.address = address
  }

  /** Sends an archive and waits until it is validated. */
  async upload(archive: Blob): Promise<DatasetDetails> {
    const form = new FormData()
    form.append('archive', archive, 'scenes.tar.gz')
    const { id } = Dataset.parse(await this.#send('/v1/datasets', { method: 'POST', body: form }))
    const deadline = Date.now() + PATIENCE_MS
    while (Date.now() < deadline) {
      const found = DatasetDetails.parse(await this.#send(`/v1/datasets/${id}`))
      if (found.status !== 'validating') return found
      await sleep(LOOK_MS)
    }
    throw new Error(`${id} is still being validated`)
  }

  /** Waits until a worker answers. */
  async ready(): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS
    while (!(await fetch(`${this.address}/readyz`)).ok) {
      if (Date.now() > deadline) throw new Error('no worker is ready')
      await sleep(LOOK_MS)
    }
  }

  async create(request: object): Promise<TrainingJob> {
    return TrainingJob.parse(await this.post(JOBS, request))
  }

  async read(id: string): Promise<TrainingJob> {
    return TrainingJob.parse(await this.#send(`${JOBS}/${id}`))
  }

  /** The events of a job as they come, until it has ended. */
  async *follow(id: string, after = 0): AsyncGenerator<TrainingEvent> {
    const { trainingJobs } = new PixelLLM({ baseUrl: this.address })
    const signal = AbortSignal.timeout(PATIENCE_MS)
    for await (const event of trainingJobs.events(id, { after, signal })) {
      yield TrainingEvent.parse(event)
    }
  }

  /** Follows a job to its end. */
  async finish(id: string): Promise<{ job: TrainingJob; events: TrainingEvent[] }> {
    const events: TrainingEvent[] = []
    for await (const event of this.follow(id)) events.push(event)
    return { job: await this.read(id), events }
  }

  async metrics(id: string): Promise<TrainingMetricsList['metrics']> {
    return TrainingMetricsList.parse(await this.#send(`${JOBS}/${id}/metrics?limit=1000`)).metrics
  }

  async post(path: string, body: object = {}): Promise<unknown> {
    return this.#send(path, { method: 'POST', headers: JSON_BODY, body: JSON.stringify(body) })
  }

  async #send(path: string, init: RequestInit = {}): Promise<unknown> {
    const signal = AbortSignal.timeout(PATIENCE_MS)
    const response = await fetch(this.address + path, { ...init, signal })
    const reply: unknown = await response.json()
    if (!response.ok) throw new Error(`${path}: ${JSON.stringify(reply)}`)
    return reply
  }
}
