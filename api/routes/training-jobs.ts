import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import {
  cancelTrainingJob,
  createTrainingJob,
  downloadTrainingCheckpoint,
  listTrainingCheckpoints,
  listTrainingEvents,
  listTrainingJobs,
  listTrainingMetrics,
  mediaTypesOf,
  type Operation,
  pauseTrainingJob,
  readTrainingJob,
  resumeTrainingJob,
  type TrainingEvent,
  TrainingJobId,
} from '../../schemas/index.ts'
import { ApiError } from '../errors.ts'
import { EventStream } from '../event-stream.ts'
import { hangUpSignal } from '../hang-up.ts'
import { mount } from '../mount.ts'
import { negotiate } from '../negotiation.ts'
import { listCheckpoints, packCheckpoint, readMetrics, type Training } from '../training/index.ts'
import { parse } from '../validation.ts'

/** A request is short: settings, and what the caller wants to remember. */
const BODY_BYTES = 256 * 1024

const LastEventId = z.coerce
  .number({ error: 'it must be the id of an event' })
  .int({ error: 'it must be the id of an event' })
  .min(0, { error: 'it must be the id of an event' })

export function trainingJobRoutes(app: FastifyInstance, training: Training): void {
  mountChanges(app, training)
  mountReading(app, training)
  mountEvents(app, training)
  mountCheckpoints(app, training)
}

function mountChanges(app: FastifyInstance, training: Training): void {
  mount(
    app,
    createTrainingJob,
    async (request, reply) => {
      if (request.isMultipart()) throw new ApiError('body_unsupported', 'send the request as JSON')
      const wanted = parse(createTrainingJob.body.json, request.body)
      const key = parse(createTrainingJob.headers, {
        'idempotency-key': request.headers['idempotency-key'],
      })['idempotency-key']
      const job = await training.create(wanted, key)
      request.facts = { job: job.id }
      reply.header('location', `/v1/training-jobs/${job.id}`)
      return job
    },
    { bodyLimit: BODY_BYTES },
  )
  mount(app, cancelTrainingJob, async (request) => training.cancel(idOf(request)))
  mount(app, pauseTrainingJob, async (request) => training.pause(idOf(request)))
  mount(app, resumeTrainingJob, async (request) => training.resume(idOf(request)))
}

function mountReading(app: FastifyInstance, { store }: Training): void {
  mount(app, listTrainingJobs, async (request) => {
    const { after, limit, status } = parse(listTrainingJobs.query, request.query)
    const last = after === undefined ? undefined : parse(TrainingJobId, after, ['after'])
    const { runs, has_more } = await store.page(last, limit, status)
    return { training_jobs: await Promise.all(runs.map((run) => run.job())), has_more }
  })
  mount(app, readTrainingJob, async (request) => (await store.get(idOf(request))).job())
  mount(app, listTrainingMetrics, async (request) => {
    const run = await store.get(idOf(request))
    const { after, limit } = parse(listTrainingMetrics.query, request.query)
    return readMetrics(run.folder, after, limit)
  })
}

function mountEvents(app: FastifyInstance, training: Training): void {
  mount(app, listTrainingEvents, async (request, reply) => {
    const type = requireType(listTrainingEvents, request)
    const run = await training.store.get(idOf(request))
    const { after, limit } = parse(listTrainingEvents.query, request.query)
    if (type === 'application/json') return run.events.page(after, limit)
    if (request.method === 'HEAD') return reply.type(type).send()

    const last = request.headers['last-event-id']
    const from = last === undefined ? after : parse(LastEventId, last, ['last-event-id'])
    const signal = hangUpSignal(reply)
    await stream(training.followers.follow(run, from, signal), request, reply, signal)
    return reply
  })
}

/** Sends events as they come. What fails on the way ends the reply: the client asks for the rest. */
async function stream(
  events: AsyncGenerator<TrainingEvent>,
  request: FastifyRequest,
  reply: FastifyReply,
  signal: AbortSignal,
): Promise<void> {
  const stream = new EventStream(reply)
  stream.open()
  try {
    for await (const event of events) {
      stream.send(event.type, event, event.id)
      await stream.drained(signal)
    }
  } catch (error) {
    request.log.error({ err: error }, 'a stream of events broke off')
  } finally {
    stream.close()
  }
}

function mountCheckpoints(app: FastifyInstance, { store }: Training): void {
  mount(app, listTrainingCheckpoints, async (request) => {
    const run = await store.get(idOf(request))
    return { checkpoints: await listCheckpoints(run.folder) }
  })
  mount(app, downloadTrainingCheckpoint, async (request, reply) => {
    const type = requireType(downloadTrainingCheckpoint, request)
    const { id, checkpoint } = parse(downloadTrainingCheckpoint.params, request.params)
    const run = await store.get(id)
    const archive = await packCheckpoint(run.folder, checkpoint)
    return reply
      .type(type)
      .header('content-disposition', `attachment; filename="${id}-${checkpoint}.tar"`)
      .send(archive)
  })
}

function idOf(request: FastifyRequest): TrainingJobId {
  return parse(readTrainingJob.params, request.params).id
}

function requireType(operation: Operation, request: FastifyRequest): string {
  const offers = mediaTypesOf(operation)
  const type = negotiate(request.headers.accept, offers)
  if (type !== undefined) return type
  throw new ApiError('not_acceptable', `${operation.id} answers with ${offers.join(' or ')}`)
}
