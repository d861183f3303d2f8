/** How long the bridge is patient. All in milliseconds but `heartbeats`. */
export interface Limits {
  /** From the fork to the loaded model: a full-size one can take minutes to be read from a disk. */
  readonly start_ms: number
  /** Between two heartbeats. */
  readonly heartbeat_ms: number
  /** Heartbeats in a row without an answer, after which Python counts as hung. */
  readonly heartbeats: number
  /** Since the engine loop last came round: longer than its slowest step, encoding on a CPU. */
  readonly engine_ms: number
  /** From the request to shut down to the kill. */
  readonly close_ms: number
  /** Before the first start after a crash; doubles with each further one. */
  readonly backoff_ms: number
  readonly max_backoff_ms: number
  /** A worker that was ready for this long starts over with the shortest back-off. */
  readonly stable_ms: number
}

/** Python can be silent while it holds the interpreter lock: 5 heartbeats of 2 s allow for that. */
export const defaultLimits: Limits = {
  start_ms: 900_000,
  heartbeat_ms: 2000,
  heartbeats: 5,
  engine_ms: 120_000,
  close_ms: 5000,
  backoff_ms: 100,
  max_backoff_ms: 10_000,
  stable_ms: 30_000,
}
