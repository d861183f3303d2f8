import type { TrainingJob } from '@pixelllm/sdk'

type Status = TrainingJob['status']

export const STATUS_NAMES: Readonly<Record<Status, string>> = {
  validating_files: 'checking its data',
  queued: 'queued',
  running: 'running',
  paused: 'paused',
  succeeded: 'done',
  failed: 'failed',
  cancelled: 'cancelled',
}

/** What a person calls a job. */
export function nameOf({ name, recipe, id }: TrainingJob): string {
  return name ?? `${recipe} ${id.slice(-6)}`
}
