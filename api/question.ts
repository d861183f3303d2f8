import type { FastifyRequest } from 'fastify'
import {
  type ImageSize,
  type LoadedModel,
  type Location,
  type ModelId,
  neededTasks,
  outsideImage,
  type SharedOptions,
  type Task,
} from '../schemas/index.ts'
import type { Call, Worker } from '../worker-bridge/index.ts'
import type { Config } from './config.ts'
import { ApiError } from './errors.ts'
import { type ImageStore, type ReceivedImage, receiveImage } from './images.ts'
import type { ModelRegistry } from './models/index.ts'
import { readTextFields, readUpload, type Upload } from './plugins/uploads.ts'
import { invalidRequest, parse } from './validation.ts'

export interface QuestionDependencies {
  readonly config: Config
  readonly worker: Worker
  readonly models: Pick<ModelRegistry, 'choose'>
  readonly images: ImageStore
}

/** A question that is ready to be asked. */
export interface Question {
  readonly task: Task
  readonly call: Call
  readonly image: ReceivedImage
  readonly model: ModelId
  /** Where the caller asks to look. */
  readonly location: Location | undefined
}

/** Reads what a request asks of a task, and checks everything that can be checked before it is asked. */
export async function readQuestion(
  task: Task,
  request: FastifyRequest,
  { config, models, images }: QuestionDependencies,
): Promise<Question> {
  const upload = await readUpload(request)
  const options = readOptions(task, upload)
  const model = await models.choose(options.model)
  checkSupport(task, options, model)
  const image =
    upload.image instanceof Uint8Array
      ? await receiveImage(upload.image, config)
      : await images.read(upload.image.id)
  checkLocation(options.location, image)
  const call = {
    id: request.id,
    model: model.id,
    task: task.name,
    request: { ...options },
    image: { id: image.sha256, bytes: image.bytes },
    timeout_ms: config.request_timeout_ms,
  }
  return { task, call, image, model: model.id, location: options.location }
}

function readOptions(task: Task, { fields, isForm }: Upload): SharedOptions {
  return parse(task.options, isForm ? readTextFields(fields, task.options.shape) : fields)
}

function checkSupport(task: Task, options: SharedOptions, { id, tasks }: LoadedModel): void {
  const missing = neededTasks(task, options).find((name) => !tasks.some((able) => able === name))
  if (missing === undefined) return
  const cannot = missing === task.name ? missing : `${missing}, so it has no masks`
  throw new ApiError(
    'task_unsupported',
    `the model ${id} cannot ${cannot}: ask one whose tasks name it (GET /v1/models)`,
  )
}

function checkLocation(location: Location | undefined, size: ImageSize): void {
  const message = location && outsideImage(location, size)
  if (message !== undefined) throw invalidRequest([{ pointer: '/location', message }])
}
