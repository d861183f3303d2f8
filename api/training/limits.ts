/** How long training is patient, and how much it does at once. In milliseconds where it says so. */
export interface TrainingLimits {
  /** A gateway that is frozen for longer loses its job to another. */
  readonly lock_ms: number
  readonly lock_renew_ms: number
  /** Between two looks for jobs that have lost their gateway; one for all gateways. */
  readonly stalled_ms: number
  /** Between two comparisons of what is on disk with what is in the queue. */
  readonly reconcile_ms: number
  /** For one answer of the queue. */
  readonly queue_ms: number
  /** For the worker's opinion on a recipe. */
  readonly check_ms: number
  /** Between two looks at a job that is followed. */
  readonly follow_ms: number
  /** Callers that follow a job at the same time. */
  readonly followers: number
  /** Crashes of the worker in a row without a new checkpoint, after which a job has failed. */
  readonly crashes: number
  /** Before an attempt that follows a crash; doubles with each further one. */
  readonly backoff_ms: number
  readonly max_backoff_ms: number
  /** For the running job to stop, and for the queue to let go. */
  readonly close_ms: number
}

export const defaultTrainingLimits: TrainingLimits = {
  // Long enough for a gateway that swaps or is suspended for a moment; one that has died is told by
  // its process, without waiting for this.
  lock_ms: 60_000,
  lock_renew_ms: 15_000,
  stalled_ms: 5000,
  reconcile_ms: 2000,
  queue_ms: 2000,
  check_ms: 30_000,
  follow_ms: 200,
  followers: 100,
  crashes: 3,
  backoff_ms: 500,
  max_backoff_ms: 30_000,
  close_ms: 10_000,
}
