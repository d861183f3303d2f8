import type { Timing } from '../schemas/index.ts'

/** The `Server-Timing` header: where the time of a request went, in milliseconds. */
export function serverTiming(timing: Timing, total_ms: number): string {
  const parts = {
    queue: timing.queue_ms,
    prepare: timing.prepare_ms,
    encode: timing.encode_ms,
    decode: timing.decode_ms,
    total: total_ms,
  }
  return Object.entries(parts)
    .map(([name, ms]) => `${name};dur=${ms.toFixed(1)}`)
    .join(', ')
}
