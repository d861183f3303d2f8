/** What the server measures of itself. */
import type { Worker } from '../../worker-bridge/index.ts'
import { Metrics } from './metrics.ts'
import { ProcessMetrics } from './process-metrics.ts'
import { WorkerMetrics } from './worker-metrics.ts'

export type { MetricSource, Metrics } from './metrics.ts'

/** The metrics of one server. A further source, such as the training jobs, is one more `add`. */
export function createMetrics(worker: Worker): Metrics {
  const metrics = new Metrics()
  metrics.add(new WorkerMetrics(worker, metrics.registry))
  metrics.add(new ProcessMetrics(metrics.registry))
  return metrics
}
