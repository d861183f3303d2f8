import type { FastifyReply, FastifyRequest } from 'fastify'
import { operations } from '../schemas/index.ts'
import { ApiError, sendProblem } from './errors.ts'

/** Answers what no route answers: a path that is not there, or a method that the path has not. */
export function answerUnrouted(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const [path = ''] = request.url.split('?')
  const allowed = allowedMethods(path)
  if (allowed.length === 0) {
    return sendProblem(new ApiError('not_found', `there is nothing at ${path}`), request, reply)
  }

  reply.header('allow', allowed.join(', '))
  const detail = `${path} answers ${allowed.join(' and ')}, not ${request.method}`
  return sendProblem(new ApiError('method_not_allowed', detail), request, reply)
}

function allowedMethods(path: string): string[] {
  const methods = operations
    .filter((operation) => matches(operation.path, path))
    .map(({ method }) => method)
  return methods.includes('GET') ? [...methods, 'HEAD'] : methods
}

function matches(template: string, path: string): boolean {
  const parts = path.split('/')
  const wanted = template.split('/')
  return (
    parts.length === wanted.length &&
    wanted.every((part, i) => part.startsWith('{') || part === parts[i])
  )
}
