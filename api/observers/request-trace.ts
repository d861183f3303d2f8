import type { Tracing } from '../tracing/index.ts'
import { type RequestObserver, routeOf, statusOf } from './observer.ts'

/** A trace for each request, which the log names. */
export function requestTrace(tracing: Tracing): RequestObserver {
  return {
    begin(request) {
      const { id, method, headers } = request
      request.trace = tracing.begin({ id, method, route: routeOf(request), headers })
      request.facts = { ...request.facts, trace_id: request.trace.id }
    },
    end(request, reply) {
      request.trace?.end(statusOf(reply), request.problem ?? undefined)
    },
  }
}
