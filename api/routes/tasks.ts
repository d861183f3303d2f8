import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import {
  type MediaType,
  mediaTypesOf,
  type Operation,
  taskOperation,
  tasks,
} from '../../schemas/index.ts'
import { ApiError } from '../errors.ts'
import { hangUpSignal } from '../hang-up.ts'
import { mount } from '../mount.ts'
import { negotiate } from '../negotiation.ts'
import { maxBodyBytes } from '../plugins/uploads.ts'
import { type QuestionDependencies, readQuestion } from '../question.ts'
import { repliers, type TaskMediaType } from '../replies.ts'

/** One `POST /v1/<task>` for every task of the contract. */
export function taskRoutes(app: FastifyInstance, dependencies: QuestionDependencies): void {
  const bodyLimit = maxBodyBytes(dependencies.config.max_image_bytes)
  for (const task of tasks) {
    const operation = taskOperation(task)
    const handler = async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
      const respond = repliers[replyType(operation, request.headers.accept)]
      const signal = hangUpSignal(reply)
      const question = await readQuestion(task, request, dependencies)
      request.facts = { task: task.name, image: question.image.id }
      return respond({ question, worker: dependencies.worker, signal, request, reply })
    }
    mount(app, operation, handler, { bodyLimit })
  }
}

function replyType(operation: Operation, accept: string | undefined): TaskMediaType {
  const offers = mediaTypesOf(operation).filter(isOfTasks)
  const type = negotiate(accept, offers)
  if (type !== undefined) return type
  throw new ApiError('not_acceptable', `${operation.id} answers with ${offers.join(' or ')}`)
}

function isOfTasks(type: MediaType): type is TaskMediaType {
  return type in repliers
}
