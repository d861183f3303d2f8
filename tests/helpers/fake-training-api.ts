/**
 * A small HTTP server that answers as the contract says for a dataset and a training job, and trains
 * nothing: for connections that break where a test says, and for the examples of documents, whose
 * printed replies are the same each time. Every reply is checked against the contract.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { z } from 'zod'
import { ApiError, problemOf } from '../../api/errors.ts'
import {
  Dataset,
  DatasetDetails,
  type DatasetError,
  type ErrorCode,
  Model,
  TrainingCheckpointList,
  TrainingEvent,
  TrainingJob,
} from '../../schemas/index.ts'

const AT = '2026-11-24T12:00:00Z'

export const dataset: Dataset = {
  id: `ds_${'5f'.repeat(16)}`,
  name: null,
  status: 'validating',
  root: null,
  bytes: 1234,
  created_at: AT,
  counts: null,
  error_count: 0,
}

export const job: TrainingJob = {
  id: `job_${'0'.repeat(25)}1`,
  name: null,
  status: 'queued',
  recipe: 'ref',
  dataset: dataset.id,
  base_model: 'tiny',
  hyperparameters: {},
  seed: 0,
  metadata: {},
  created_at: AT,
  started_at: null,
  finished_at: null,
  requested: null,
  progress: null,
  model: null,
  error: null,
}

export const model: Model = {
  id: 'tiny-ft-00000001',
  description: 'a fake that was trained',
  tasks: ['locate'],
  frame_size: 96,
  max_tokens: 32,
  parameters: 1,
  device: 'cpu',
  dtype: 'float32',
  status: 'active',
  default: false,
  base_model: 'tiny',
  training_job: job.id,
  created_at: AT,
  bytes: 1,
  error: null,
}

/** What happens to a job that goes well; one event is missing, as the contract allows. */
export const happenings: readonly TrainingEvent[] = [
  happening(1, 'status', { status: 'queued' }),
  happening(2, 'status', { status: 'running', attempt: 1, step: 0, steps: 2 }),
  happening(4, 'metrics', { step: 1, losses: { total: 2.5 } }),
  happening(5, 'metrics', { step: 2, losses: { total: 1.5 } }),
  happening(6, 'status', { status: 'succeeded', model: model.id }),
]

function happening(id: number, type: TrainingEvent['type'], data: TrainingEvent['data']) {
  const message = type === 'status' ? `it is ${data.status}` : `step ${data.step}`
  return TrainingEvent.parse({ id, at: AT, level: 'info', type, message, data })
}

export interface Asked {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

type Handler = (asked: Asked, reply: ServerResponse) => unknown

export class FakeTrainingApi {
  /** The requests so far. */
  readonly asked: Asked[] = []
  /** Looks at a dataset until it is validated. */
  looks = 2
  /** What validation finds. */
  faults: DatasetError[] = []
  jobs: TrainingJob[] = [job]
  /** How the first job ends. */
  end: Partial<TrainingJob> = { status: 'succeeded', model: model.id }
  /** How many events a live connection gives before it breaks, one for each; then all. */
  breaks: number[] = []
  readonly #server = createServer((request, reply) => void this.#answer(request, reply))
  readonly #handlers: readonly [string, RegExp, Handler][] = [
    ['POST', /^\/v1\/datasets$/, (asked, reply) => this.#createDataset(asked, reply)],
    ['GET', /^\/v1\/datasets\/\w+$/, () => this.#readDataset()],
    ['POST', /^\/v1\/training-jobs$/, (asked, reply) => this.#createJob(asked, reply)],
    ['GET', /^\/v1\/training-jobs\/\w+$/, () => checked(TrainingJob, this.#job())],
    ['GET', /\/events$/, (asked, reply) => this.#events(asked, reply)],
    ['GET', /\/checkpoints$/, () => checked(TrainingCheckpointList, { checkpoints })],
    ['GET', /\/checkpoints\/step-\d+$/, (_, reply) => void reply.writeHead(200, TAR).end('a tar')],
    ['POST', /\/activate$/, ({ body }) => checked(Model, { ...model, ...JSON.parse(`${body}`) })],
  ]

  async open(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    return `http://127.0.0.1:${address.port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #answer(request: IncomingMessage, reply: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://fake')
    const { method = '', headers } = request
    const body = Buffer.concat(await request.toArray())
    const asked = { method, path: pathname, query: searchParams, headers, body }
    this.asked.push(asked)
    const [, , handler] = this.#handlers.find(([m, p]) => m === method && p.test(pathname)) ?? []
    const result = handler === undefined ? refuse(reply, 'not_found') : handler(asked, reply)
    if (result !== undefined) {
      reply.writeHead(reply.statusCode, { 'content-type': 'application/json' })
      reply.end(JSON.stringify(result))
    }
  }

  #createDataset({ body, headers }: Asked, reply: ServerResponse): unknown {
    const form = headers['content-type']?.startsWith('multipart/form-data')
    const name = form ? /name="name"\r\n\r\n(.*)\r\n/.exec(`${body}`)?.[1] : undefined
    const registered = form ? {} : JSON.parse(`${body}`)
    reply.statusCode = 201
    return checked(Dataset, { ...dataset, name: name ?? null, ...registered })
  }

  #readDataset(): unknown {
    const found = { ...dataset, samples: [], errors: [] }
    if (this.looks-- > 0) return checked(DatasetDetails, found)
    const counts = { images: 2, captions: 1, placed_captions: 0, phrases: 3, masks: 0, regions: 0 }
    const status = this.faults.length === 0 ? 'ready' : 'invalid'
    const errors = { errors: this.faults, error_count: this.faults.length }
    return checked(DatasetDetails, { ...found, ...errors, status, counts })
  }

  #createJob({ body, headers }: Asked, reply: ServerResponse): unknown {
    if (headers['idempotency-key'] === undefined) throw new Error('a job without a key')
    reply.statusCode = 201
    return checked(TrainingJob, { ...job, ...JSON.parse(`${body}`) })
  }

  #job(): TrainingJob {
    return this.jobs[0] ?? job
  }

  #events({ headers, query }: Asked, reply: ServerResponse): unknown {
    const after = Number(headers['last-event-id'] ?? query.get('after') ?? 0)
    const behind = happenings.filter(({ id }) => id > after)
    if (headers.accept !== 'text/event-stream') return { events: behind, has_more: false }
    const count = this.breaks.shift()
    reply.writeHead(200, { 'content-type': 'text/event-stream' })
    reply.write(': still working\n\n')
    for (const event of behind.slice(0, count)) {
      reply.write(`id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
    }
    if (count !== undefined) return void reply.write(': \n\n', () => reply.destroy())
    const end = { ...this.end, finished_at: AT }
    this.jobs = this.jobs.map((one, index) => (index === 0 ? { ...one, ...end } : one))
    return void reply.end()
  }
}

const TAR = { 'content-type': 'application/x-tar' }
const checkpoints = [
  { id: 'step-00000002', step: 2, score: null, bytes: 5, created_at: AT },
  { id: 'step-00000001', step: 1, score: 0.5, bytes: 5, created_at: AT },
]

/** A reply that the contract forbids is a fault of this file. */
function checked(schema: z.ZodType, reply: unknown): unknown {
  return schema.parse(reply)
}

function refuse(reply: ServerResponse, code: ErrorCode): unknown {
  const problem = problemOf(new ApiError(code, `it is ${code}`))
  reply.statusCode = problem.status
  return problem
}
