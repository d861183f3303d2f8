/** What looks at every request: the log, the metrics and the traces. */
export { registerObservers } from './observer.ts'
export { requestLog } from './request-log.ts'
export { requestMetrics } from './request-metrics.ts'
export { requestTrace } from './request-trace.ts'
