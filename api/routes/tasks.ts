import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import {
  mediaTypesOf,
  type Operation,
  type PictureKind,
  pictureQuery,
  taskOperation,
  tasks,
} from '../../schemas/index.ts'
import type { Config } from '../config.ts'
import { ApiError } from '../errors.ts'
import { hangUpSignal } from '../hang-up.ts'
import { mount } from '../mount.ts'
import { negotiate } from '../negotiation.ts'
import { maxBodyBytes } from '../plugins/uploads.ts'
import { type Question, type QuestionDependencies, readQuestion } from '../question.ts'
import { repliers, TASK_MEDIA_TYPES, type TaskMediaType } from '../replies.ts'
import { parse } from '../validation.ts'

/** One `POST /v1/<task>` for every task of the contract. */
export function taskRoutes(app: FastifyInstance, dependencies: QuestionDependencies): void {
  const bodyLimit = maxBodyBytes(dependencies.config.max_image_bytes)
  for (const task of tasks) {
    const operation = taskOperation(task)
    const pictures = pictureQuery(task)
    const handler = async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
      const { picture } = parse(pictures, request.query)
      const respond = repliers[replyType(operation, request.headers.accept, picture)]
      const signal = hangUpSignal(reply)
      const question = await readQuestion(task, request, dependencies)
      request.facts = { ...request.facts, ...factsOf(question, dependencies.config) }
      const { worker } = dependencies
      return respond({ question, picture: picture ?? 'annotated', worker, signal, request, reply })
    }
    mount(app, operation, handler, { bodyLimit })
  }
}

/** For the log: what was asked is there only where the operator wants it. */
function factsOf({ task, image, call }: Question, config: Config): Record<string, string> {
  const asked = config.log_requests ? { asked: JSON.stringify(call.request) } : {}
  return { task: task.name, image: image.id, ...asked }
}

/** What the caller likes best of what the task can reply with; a bare mask is no SVG. */
function replyType(
  operation: Operation,
  accept: string | undefined,
  picture: PictureKind | undefined,
): TaskMediaType {
  const types = mediaTypesOf(operation)
  const offers = TASK_MEDIA_TYPES.filter(
    (type) => types.includes(type) && (picture === undefined || showing[picture].includes(type)),
  )
  const type = negotiate(accept, offers)
  if (type !== undefined) return type
  throw new ApiError('not_acceptable', `${operation.id} answers with ${offers.join(' or ')}`)
}

const showing: Readonly<Record<PictureKind, readonly TaskMediaType[]>> = {
  annotated: ['image/png', 'image/svg+xml'],
  mask: ['image/png'],
}
