/** One line in the log for each request, with nothing of what it carried. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

declare module 'fastify' {
  interface FastifyRequest {
    /** What a handler adds to the line about its request. */
    facts: Record<string, string | number> | null
  }
}

/** What nginx writes for a caller who closed the connection. */
const HUNG_UP = 499

export function registerRequestLog(app: FastifyInstance): void {
  app.decorateRequest('facts', null)
  app.addHook('onRequest', async (request, reply) => {
    // Not onResponse, which never comes for a caller who hung up.
    reply.raw.once('close', () => logRequest(request, reply))
  })
}

/** The status of a reply when its connection is done with it. */
export function statusOf({ raw, statusCode }: FastifyReply): number {
  return raw.writableEnded ? statusCode : HUNG_UP
}

function logRequest(request: FastifyRequest, reply: FastifyReply): void {
  const status = statusOf(reply)
  const [path] = request.url.split('?')
  const line = {
    method: request.method,
    path,
    status,
    ...request.facts,
    total_ms: Math.round(reply.elapsedTime * 10) / 10,
  }
  if (status >= 500) request.log.warn(line, 'request')
  else request.log.info(line, 'request')
}
