import type { Metrics } from '../metrics/index.ts'
import { type RequestObserver, routeOf, statusOf } from './observer.ts'

/** Of all other methods there is no route. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS'])

/** Counts and times every request. */
export function requestMetrics(metrics: Metrics): RequestObserver {
  return {
    begin: () => metrics.begin(),
    end(request, reply) {
      const { method, problem, answered } = request
      metrics.served({
        method: METHODS.has(method) ? method : 'other',
        route: routeOf(request),
        status: statusOf(reply),
        seconds: reply.elapsedTime / 1000,
        code: problem ?? undefined,
      })
      if (answered === null) return
      const { at_ms, ...task } = answered
      metrics.answered({ ...task, output_ms: performance.now() - at_ms })
    },
  }
}
