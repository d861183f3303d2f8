/**
 * The routes of datasets and training jobs, without any training: what a page sees of them. Every
 * reply is checked by the contract. A test says what happens to a job.
 */
import { PassThrough } from 'node:stream'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { z } from 'zod'
import { ApiError } from '../../api/errors.ts'
import {
  type Dataset,
  DatasetDetails,
  DatasetList,
  Dataset as DatasetSchema,
  type Model,
  ModelList,
  Model as ModelSchema,
  TrainingEvent,
  TrainingJob,
  TrainingJobList,
  TrainingJobRequest,
} from '../../schemas/index.ts'
import { type FakeWorker, tinyModel } from './fake-worker.ts'

const AT = '2026-01-01T12:00:00.000Z'
const COUNTS = { images: 4, captions: 4, placed_captions: 0, phrases: 12, masks: 6, regions: 0 }
/** How soon a browser comes back to a stream that broke. */
const RETRY_MS = 50

const Params = z.object({ id: z.string() })
const EventsQuery = z.object({ after: z.coerce.number().default(0) })

export type Happening = Pick<TrainingEvent, 'type' | 'message' | 'data'> & {
  /** What the job is from then on. */
  readonly job?: Partial<TrainingJob>
}

export class FakeTraining {
  readonly datasets: DatasetDetails[] = []
  readonly jobs: TrainingJob[] = []
  readonly requests: TrainingJobRequest[] = []
  readonly activated: string[] = []
  /** How often each stream was opened, as the number of the last event that the page knew. */
  readonly opened: number[] = []
  readonly #events = new Map<string, TrainingEvent[]>()
  readonly #streams = new Set<PassThrough>()
  readonly #worker: FakeWorker

  constructor(worker: FakeWorker) {
    this.#worker = worker
  }

  mount(app: FastifyInstance): void {
    this.#mountDatasets(app)
    this.#mountJobs(app)
    app.get('/v1/models', async () =>
      ModelList.parse({ models: this.#worker.models.map(({ id }) => modelCalled(id)) }),
    )
    app.post('/v1/models/:id/activate', async (request) => {
      const { id } = Params.parse(request.params)
      this.activated.push(id)
      this.#worker.models = [tinyModel, { ...tinyModel, id }]
      return ModelSchema.parse(modelCalled(id))
    })
  }

  /** Lets something happen to a job, and everybody who follows it know. */
  happen(id: string, { job, ...event }: Happening): void {
    const events = this.#events.get(id) ?? []
    const full = TrainingEvent.parse({ id: events.length + 1, at: AT, level: 'info', ...event })
    this.#events.set(id, [...events, full])
    this.#change(id, job ?? {})
    for (const stream of this.#streams) stream.write(textOf(full))
  }

  /** Breaks every connection that follows a job. */
  cut(): void {
    for (const stream of this.#streams) stream.end()
    this.#streams.clear()
  }

  /** Forgets everything. */
  clear(): void {
    for (const list of [this.datasets, this.jobs, this.requests, this.activated, this.opened]) {
      list.length = 0
    }
    this.#events.clear()
    this.#worker.models = [tinyModel]
  }

  #mountDatasets(app: FastifyInstance): void {
    app.get('/v1/datasets', async () =>
      DatasetList.parse({ datasets: this.datasets.map(summaryOf), has_more: false }),
    )
    app.get('/v1/datasets/:id', async (request) => {
      const found = this.datasets.find(({ id }) => id === Params.parse(request.params).id)
      if (found === undefined) throw new ApiError('dataset_not_found', 'there is no such dataset')
      return DatasetDetails.parse(found)
    })
    app.post('/v1/datasets', async (request, reply) => {
      const file = await request.file()
      if (file === undefined) throw new ApiError('invalid_request', 'send an archive')
      const bytes = await file.toBuffer()
      if (!file.filename.endsWith('.tar')) {
        throw new ApiError('archive_unreadable', 'the file is no tar, tar.gz or zip archive')
      }
      const dataset = datasetOf(this.datasets.length, file.filename, bytes.length)
      this.datasets.unshift(dataset)
      return reply.code(201).send(DatasetSchema.parse(summaryOf(dataset)))
    })
  }

  #mountJobs(app: FastifyInstance): void {
    app.get('/v1/training-jobs', async () =>
      TrainingJobList.parse({ training_jobs: this.jobs, has_more: false }),
    )
    app.post('/v1/training-jobs', async (request, reply) => {
      const asked = TrainingJobRequest.parse(request.body)
      this.requests.push(asked)
      const job = jobOf(this.jobs.length, asked)
      this.jobs.unshift(job)
      this.happen(job.id, { type: 'status', message: 'queued', data: { status: 'queued' } })
      return reply.code(201).send(job)
    })
    app.get('/v1/training-jobs/:id', async (request) => this.#job(Params.parse(request.params).id))
    for (const [change, status] of [
      ['pause', 'paused'],
      ['resume', 'queued'],
      ['cancel', 'cancelled'],
    ] as const) {
      app.post(`/v1/training-jobs/:id/${change}`, async (request) => {
        const { id } = Params.parse(request.params)
        this.happen(id, { type: 'status', message: status, data: { status }, job: { status } })
        return this.#job(id)
      })
    }
    app.get('/v1/training-jobs/:id/events', async (request, reply) => {
      const known = Number(request.headers['last-event-id'])
      const after = Number.isNaN(known) ? EventsQuery.parse(request.query).after : known
      return this.#stream(Params.parse(request.params).id, after, reply)
    })
  }

  #stream(id: string, after: number, reply: FastifyReply): FastifyReply {
    const stream = new PassThrough()
    this.opened.push(after)
    this.#streams.add(stream)
    stream.write(`retry: ${RETRY_MS}\n\n`)
    for (const event of this.#events.get(id) ?? []) {
      if (event.id > after) stream.write(textOf(event))
    }
    return reply.type('text/event-stream').send(stream)
  }

  #job(id: string): TrainingJob {
    const found = this.jobs.find((job) => job.id === id)
    if (found === undefined) throw new ApiError('job_not_found', 'there is no such job')
    return TrainingJob.parse(found)
  }

  #change(id: string, change: Partial<TrainingJob>): void {
    const index = this.jobs.findIndex((job) => job.id === id)
    this.jobs[index] = { ...this.#job(id), ...change }
  }
}

function textOf(event: TrainingEvent): string {
  return `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
}

function summaryOf({ samples: _, errors: __, ...dataset }: DatasetDetails): Dataset {
  return dataset
}

/** One whose name says so has a fault. */
function datasetOf(number: number, name: string, bytes: number): DatasetDetails {
  const isFaulty = name.includes('faulty')
  const fault = { file: 'data.jsonl', line: 3, message: 'the box reaches outside the image' }
  return {
    id: `ds_${number.toString(16).padStart(32, '0')}`,
    name,
    status: isFaulty ? 'invalid' : 'ready',
    root: null,
    bytes,
    created_at: AT,
    counts: COUNTS,
    error_count: isFaulty ? 1 : 0,
    samples: [
      {
        image: 'images/0001.png',
        width: 320,
        height: 240,
        captions: ['a red boat by the sea'],
        phrases: ['the red boat'],
        regions: [],
      },
    ],
    errors: isFaulty ? [fault] : [],
  }
}

function jobOf(number: number, asked: TrainingJobRequest): TrainingJob {
  return {
    id: `job_${String(number).padStart(26, '0')}`,
    name: asked.name ?? null,
    status: 'queued',
    recipe: asked.recipe,
    dataset: asked.dataset,
    base_model: asked.base_model ?? tinyModel.id,
    hyperparameters: asked.hyperparameters,
    seed: asked.seed,
    metadata: asked.metadata,
    created_at: AT,
    started_at: null,
    finished_at: null,
    requested: null,
    progress: null,
    model: null,
    error: null,
  }
}

function modelCalled(id: string): Model {
  return {
    ...tinyModel,
    id,
    status: 'active',
    default: false,
    base_model: tinyModel.id,
    training_job: null,
    created_at: AT,
    bytes: 1,
    error: null,
  }
}
