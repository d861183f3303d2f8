import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import {
  type ImageSize,
  type Location,
  type ModelId,
  outsideImage,
  type SharedOptions,
  type Task,
  taskOperation,
  tasks,
} from '../../schemas/index.ts'
import type { Answer, Call, Worker } from '../../worker-bridge/index.ts'
import type { Config } from '../config.ts'
import { ApiError, logProblem, problemOf } from '../errors.ts'
import { EventStream } from '../event-stream.ts'
import { hangUpSignal } from '../hang-up.ts'
import { type ImageStore, type ReceivedImage, receiveImage } from '../images.ts'
import { mount } from '../mount.ts'
import { negotiate } from '../negotiation.ts'
import { maxBodyBytes, readTextFields, readUpload, type Upload } from '../plugins/uploads.ts'
import { serverTiming } from '../server-timing.ts'
import { invalidRequest, parse } from '../validation.ts'

const JSON_TYPE = 'application/json'
const EVENT_TYPE = 'text/event-stream'

export interface TaskDependencies {
  readonly config: Config
  readonly worker: Worker
  readonly images: ImageStore
}

/** A question that is ready to be asked. */
interface Question {
  readonly task: Task
  readonly call: Call
  readonly image: ReceivedImage
  readonly model: ModelId
}

/** One `POST /v1/<task>` for every task of the contract. */
export function taskRoutes(app: FastifyInstance, dependencies: TaskDependencies): void {
  const bodyLimit = maxBodyBytes(dependencies.config.max_image_bytes)
  for (const task of tasks) {
    const handler = async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
      const type = replyType(task, request.headers.accept)
      const signal = hangUpSignal(reply)
      const question = await readQuestion(task, request, dependencies)
      request.facts = { task: task.name, image: question.image.id }
      const exchange = { question, worker: dependencies.worker, signal, request, reply }
      return type === EVENT_TYPE ? stream(exchange) : answer(exchange)
    }
    mount(app, taskOperation(task), handler, { bodyLimit })
  }
}

function replyType(task: Task, accept: string | undefined): string {
  const offers = task.streams ? [JSON_TYPE, EVENT_TYPE] : [JSON_TYPE]
  const type = negotiate(accept, offers)
  if (type !== undefined) return type
  throw new ApiError('not_acceptable', `${task.name} answers with ${offers.join(' or ')}`)
}

async function readQuestion(
  task: Task,
  request: FastifyRequest,
  { config, worker, images }: TaskDependencies,
): Promise<Question> {
  const upload = await readUpload(request)
  const options = readOptions(task, upload)
  const model = chooseModel(options.model, worker)
  const image =
    upload.image instanceof Uint8Array
      ? await receiveImage(upload.image, config)
      : await images.read(upload.image.id)
  checkLocation(options.location, image)
  const call = {
    id: request.id,
    task: task.name,
    request: { ...options },
    image: { id: image.sha256, bytes: image.bytes },
    timeout_ms: config.request_timeout_ms,
  }
  return { task, call, image, model }
}

function readOptions(task: Task, { fields, isForm }: Upload): SharedOptions {
  return parse(task.options, isForm ? readTextFields(fields, task.options.shape) : fields)
}

function chooseModel(wanted: ModelId | undefined, worker: Worker): ModelId {
  const { models } = worker.status()
  const [first] = models
  if (first === undefined) throw new ApiError('worker_unavailable', 'the model is being loaded')
  if (wanted === undefined) return first.id
  if (models.some(({ id }) => id === wanted)) return wanted
  const loaded = models.map(({ id }) => id).join(', ')
  throw new ApiError('model_not_found', `no model ${wanted} is loaded; there is: ${loaded}`)
}

function checkLocation(location: Location | undefined, size: ImageSize): void {
  const message = location && outsideImage(location, size)
  if (message !== undefined) throw invalidRequest([{ pointer: '/location', message }])
}

interface Exchange {
  readonly question: Question
  readonly worker: Worker
  readonly signal: AbortSignal
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

async function answer({ question, worker, signal, request, reply }: Exchange): Promise<unknown> {
  const answered = await worker.run(question.call, { signal })
  logTiming(request, answered)
  reply.header('server-timing', serverTiming(answered.timing, reply.elapsedTime))
  return resultOf(question, answered)
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

function logTiming(request: FastifyRequest, { timing }: Answer): void {
  request.facts = { ...request.facts, ...timing }
}
