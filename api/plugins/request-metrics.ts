/** Counts and times every request, when its connection is done with it. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ErrorCode, Timing } from '../../schemas/index.ts'
import type { Metrics } from '../metrics/index.ts'
import { statusOf } from './request-log.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The code of the problem that it was answered with. */
    problem: ErrorCode | null
    /** What the worker said about its answer, and when it came, on the clock of `performance`. */
    answered: { readonly task: string; readonly timing: Timing; readonly at_ms: number } | null
  }
}

/** Of all other methods there is no route. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS'])
const OTHER = 'other'

export function registerRequestMetrics(app: FastifyInstance, metrics: Metrics): void {
  app.decorateRequest('problem', null)
  app.decorateRequest('answered', null)
  app.addHook('onRequest', async (request, reply) => {
    metrics.begin()
    reply.raw.once('close', () => measure(request, reply, metrics))
  })
}

function measure(request: FastifyRequest, reply: FastifyReply, metrics: Metrics): void {
  const { method, problem, answered } = request
  metrics.served({
    method: METHODS.has(method) ? method : OTHER,
    route: routeOf(request),
    status: statusOf(reply),
    seconds: reply.elapsedTime / 1000,
    code: problem ?? undefined,
  })
  if (answered === null) return
  const { at_ms, ...task } = answered
  metrics.answered({ ...task, output_ms: performance.now() - at_ms })
}

const routes = new Map<string, string>()

/** The route with its parameters in braces, as the contract writes it; what has none is one route. */
function routeOf({ routeOptions: { url } }: FastifyRequest): string {
  if (url === undefined) return OTHER
  const known = routes.get(url)
  if (known !== undefined) return known
  const route = url.replaceAll(/:(\w+)/g, '{$1}')
  routes.set(url, route)
  return route
}
