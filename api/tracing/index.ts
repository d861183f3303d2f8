/** Where a request's time goes, as traces for a collector. */
import type { Log } from '../../worker-bridge/index.ts'
import type { Tracing } from './tracing.ts'

export type { RequestTrace, Tracing } from './tracing.ts'

/** Undefined where no collector is named: then nothing of OpenTelemetry is loaded. */
export async function openTracing(url: string | null, log: Log): Promise<Tracing | undefined> {
  if (url === null) return undefined
  const { Tracing } = await import('./tracing.ts')
  return new Tracing(url, log)
}
