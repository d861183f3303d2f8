import type { FastifyInstance, FastifyReply, FastifyRequest, RouteShorthandOptions } from 'fastify'
import type { z } from 'zod'
import type { Operation } from '../schemas/index.ts'

/** Makes an operation of the contract a route: its address, its method and its status come from there. */
export function mount<Result>(
  app: FastifyInstance,
  operation: Operation & { readonly result?: z.ZodType<Result> },
  handler: (request: FastifyRequest, reply: FastifyReply) => Promise<Result | FastifyReply>,
  options: Pick<RouteShorthandOptions, 'bodyLimit' | 'config'> = {},
): void {
  app.route({
    ...options,
    method: operation.method,
    url: operation.path.replaceAll(/\{(\w+)\}/g, ':$1'),
    handler: (request, reply) => handler(request, reply.code(operation.status)),
  })
}
