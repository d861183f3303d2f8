import type { FastifyReply, FastifyRequest } from 'fastify'
import { type MediaType, type PictureKind, SegmentResult, type Word } from '../schemas/index.ts'
import type { Answer, Worker } from '../worker-bridge/index.ts'
import { noteProblem, problemOf } from './errors.ts'
import { EventStream } from './event-stream.ts'
import { drawAnnotatedPng, drawAnnotatedSvg, drawMask } from './pictures/index.ts'
import type { Question } from './question.ts'
import { serverTiming } from './server-timing.ts'

export interface Exchange {
  /** What a picture shows. */
  readonly picture: PictureKind
  readonly question: Question
  readonly worker: Worker
  readonly signal: AbortSignal
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

/** What a task can reply with. */
export const TASK_MEDIA_TYPES = [
  'application/json',
  'text/event-stream',
  'image/png',
  'image/svg+xml',
] as const satisfies readonly MediaType[]
export type TaskMediaType = (typeof TASK_MEDIA_TYPES)[number]

/** A picture that a browser opens by itself may load nothing and run nothing. */
const SVG_POLICY = "default-src 'none'; img-src data:; style-src 'none'; sandbox"

/** How a question is asked and answered, by the media type of the reply. */
export const repliers: Readonly<Record<TaskMediaType, (exchange: Exchange) => Promise<unknown>>> = {
  'application/json': answer,
  'text/event-stream': stream,
  'image/png': drawPng,
  'image/svg+xml': drawSvg,
}

async function answer(exchange: Exchange): Promise<unknown> {
  const answered = await ask(exchange)
  tellTiming(exchange, answered)
  return resultOf(exchange.question, answered)
}

async function drawPng(exchange: Exchange): Promise<Uint8Array> {
  const { question, picture, reply } = exchange
  return drawWith(exchange, (result) => {
    reply.type('image/png')
    if (picture === 'mask') return drawMask(SegmentResult.parse(result).mask)
    return drawAnnotatedPng({ ...question, result })
  })
}

async function drawSvg(exchange: Exchange): Promise<string> {
  const { question, reply } = exchange
  return drawWith(exchange, (result) => {
    reply.type('image/svg+xml').header('content-security-policy', SVG_POLICY)
    return drawAnnotatedSvg({ ...question, result })
  })
}

async function drawWith<Drawing>(
  exchange: Exchange,
  draw: (result: unknown) => Promise<Drawing>,
): Promise<Drawing> {
  const answered = await ask(exchange)
  const drawing = await draw(resultOf(exchange.question, answered))
  tellTiming(exchange, answered)
  return drawing
}

async function stream(exchange: Exchange): Promise<FastifyReply> {
  const { question, request, reply } = exchange
  const events = new EventStream(reply)
  let index = 0
  try {
    const answered = await ask(exchange, (words) => {
      for (const word of words) events.send('word', { index: index++, word })
    })
    events.send('done', { result: resultOf(question, answered) })
  } catch (error) {
    if (!events.isOpen) throw error
    const problem = problemOf(error, request.id)
    noteProblem(error, problem, request)
    events.send('error', { problem })
  } finally {
    events.close()
  }
  return reply
}

/** Asks the worker, and notes for the log and the metrics how its answer came about. */
async function ask(
  { question, worker, signal, request }: Exchange,
  onWords?: (words: Word[]) => void,
): Promise<Answer> {
  const { call, task, model } = question
  const traced = request.trace?.ask(task.name, model)
  const answered = await worker
    .run(call, { signal, ...(onWords && { onWords }) })
    .catch((error: unknown) => {
      traced?.failed(problemOf(error).code)
      throw error
    })
  const { timing } = answered
  traced?.answered(timing)
  request.facts = { ...request.facts, ...timing }
  request.answered = { task: task.name, timing, at_ms: performance.now() }
  return answered
}

/** The worker's output, checked, with the image and the model that it is about. */
function resultOf({ task, image, model }: Question, { result }: Answer): Record<string, unknown> {
  const { data, error } = task.output.safeParse(result)
  if (error !== undefined) throw new Error(`the worker's answer is wrong`, { cause: error })
  const { id, width, height } = image
  return { ...data, image: { id, width, height }, model }
}

function tellTiming({ reply }: Exchange, { timing }: Answer): void {
  reply.header('server-timing', serverTiming(timing, reply.elapsedTime))
}
