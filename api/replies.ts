import type { FastifyReply, FastifyRequest } from 'fastify'
import type { MediaType } from '../schemas/index.ts'
import type { Answer, Worker } from '../worker-bridge/index.ts'
import { logProblem, problemOf } from './errors.ts'
import { EventStream } from './event-stream.ts'
import { drawResult } from './pictures.ts'
import type { Question } from './question.ts'
import { serverTiming } from './server-timing.ts'

export interface Exchange {
  readonly question: Question
  readonly worker: Worker
  readonly signal: AbortSignal
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

/** What a task can reply with. */
export type TaskMediaType = Exclude<MediaType, 'application/x-tar'>

/** How a question is asked and answered, by the media type of the reply. */
export const repliers: Readonly<Record<TaskMediaType, (exchange: Exchange) => Promise<unknown>>> = {
  'application/json': answer,
  'text/event-stream': stream,
  'image/png': draw,
}

async function answer({ question, worker, signal, request, reply }: Exchange): Promise<unknown> {
  const answered = await worker.run(question.call, { signal })
  tellTiming(request, reply, answered)
  return resultOf(question, answered)
}

async function draw({ question, worker, signal, request, reply }: Exchange): Promise<Uint8Array> {
  const { picture } = question.task
  if (picture === undefined) throw new TypeError('the task has no picture')
  const answered = await worker.run(question.call, { signal })
  const drawing = await drawResult(picture, resultOf(question, answered))
  tellTiming(request, reply, answered)
  reply.type('image/png')
  return drawing
}

async function stream(exchange: Exchange): Promise<FastifyReply> {
  const { question, worker, signal, request, reply } = exchange
  const events = new EventStream(reply)
  let index = 0
  try {
    const answered = await worker.run(question.call, {
      signal,
      onWords: (words) => {
        for (const word of words) events.send('word', { index: index++, word })
      },
    })
    logTiming(request, answered)
    events.send('done', { result: resultOf(question, answered) })
  } catch (error) {
    if (!events.isOpen) throw error
    const problem = problemOf(error, request.id)
    logProblem(error, problem, request)
    events.send('error', { problem })
  } finally {
    events.close()
  }
  return reply
}

/** The worker's output, checked, with the image and the model that it is about. */
function resultOf({ task, image, model }: Question, { result }: Answer): Record<string, unknown> {
  const { data, error } = task.output.safeParse(result)
  if (error !== undefined) throw new Error(`the worker's answer is wrong`, { cause: error })
  const { id, width, height } = image
  return { ...data, image: { id, width, height }, model }
}

function tellTiming(request: FastifyRequest, reply: FastifyReply, answered: Answer): void {
  logTiming(request, answered)
  reply.header('server-timing', serverTiming(answered.timing, reply.elapsedTime))
}

function logTiming(request: FastifyRequest, { timing }: Answer): void {
  request.facts = { ...request.facts, ...timing }
}
