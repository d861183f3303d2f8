/** What the server measures of itself. */
import type { Worker } from '../../worker-bridge/index.ts'
import { Metrics } from './metrics.ts'
import { ProcessMetrics } from './process-metrics.ts'
import { type JobSource, TrainingMetrics } from './training-metrics.ts'
import { WorkerMetrics } from './worker-metrics.ts'

export type { MetricSource, Metrics } from './metrics.ts'

/** The metrics of one server. A further source is one more `add`. */
export function createMetrics(worker: Worker, jobs: JobSource): Metrics {
  const metrics = new Metrics()
  metrics.add(new WorkerMetrics(worker, metrics.registry))
  const activeModels = (): number => worker.status().models.length
  metrics.add(new TrainingMetrics(jobs, activeModels, metrics.registry))
  metrics.add(new ProcessMetrics(metrics.registry))
  return metrics
}
