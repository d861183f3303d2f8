import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ErrorCode, Timing } from '../../schemas/index.ts'
import type { RequestTrace } from '../tracing/index.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** What a handler adds to the line in the log about its request. */
    facts: Record<string, string | number> | null
    /** The code of the problem that it was answered with. */
    problem: ErrorCode | null
    /** What the worker said about its answer, and when it came, on the clock of `performance`. */
    answered: { readonly task: string; readonly timing: Timing; readonly at_ms: number } | null
    /** Null where there are no traces. */
    trace: RequestTrace | null
  }
}

/** Looks at every request when it comes and when its connection is done with it. */
export interface RequestObserver {
  begin?(request: FastifyRequest): void
  end(request: FastifyRequest, reply: FastifyReply): void
}

/** What nginx writes for a caller who closed the connection. */
const HUNG_UP = 499
const OTHER = 'other'

/** All with one listener: a reply that has more than ten is taken for a leak by Node. */
export function registerObservers(
  app: FastifyInstance,
  observers: readonly RequestObserver[],
): void {
  for (const name of ['facts', 'problem', 'answered', 'trace']) app.decorateRequest(name, null)
  app.addHook('onRequest', async (request, reply) => {
    for (const observer of observers) observer.begin?.(request)
    // Not onResponse, which never comes for a caller who hung up.
    reply.raw.once('close', () => {
      for (const observer of observers) observer.end(request, reply)
    })
  })
}

/** The status of a reply when its connection is done with it. */
export function statusOf({ raw, statusCode }: FastifyReply): number {
  return raw.writableEnded ? statusCode : HUNG_UP
}

const routes = new Map<string, string>()

/** The route with its parameters in braces, as the contract writes it; what has none is one route. */
export function routeOf({ routeOptions: { url } }: FastifyRequest): string {
  if (url === undefined) return OTHER
  const known = routes.get(url)
  if (known !== undefined) return known
  const route = url.replaceAll(/:(\w+)/g, '{$1}')
  routes.set(url, route)
  return route
}
