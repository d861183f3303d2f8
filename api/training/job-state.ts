/** The one place that knows what the events of a job mean together. */
import { z } from 'zod'
import {
  Failure,
  ModelId,
  type TrainingEventRecord,
  type TrainingJob,
  type TrainingJobRecord,
  TrainingJobStatus,
  TrainingProgress,
} from '../../schemas/index.ts'

/** What the events of a job amount to. */
export interface JobState {
  readonly status: TrainingJobStatus
  readonly started_at: string | null
  readonly finished_at: string | null
  readonly requested: 'pause' | 'cancel' | null
  readonly progress: TrainingProgress | null
  readonly model: ModelId | null
  readonly error: Failure | null
  /** Crashes of the worker in a row, without a new checkpoint between them. */
  readonly crashes: number
}

/** Which statuses can follow which. `undefined` is that of a job without events. */
const followers: ReadonlyMap<TrainingJobStatus | undefined, readonly TrainingJobStatus[]> = new Map<
  TrainingJobStatus | undefined,
  readonly TrainingJobStatus[]
>([
  [undefined, ['validating_files', 'queued']],
  ['validating_files', ['queued', 'failed', 'cancelled']],
  ['queued', ['running', 'paused', 'failed', 'cancelled']],
  ['running', ['running', 'queued', 'paused', 'succeeded', 'failed', 'cancelled']],
  ['paused', ['queued', 'cancelled']],
])

const FINAL: ReadonlySet<TrainingJobStatus> = new Set(['succeeded', 'failed', 'cancelled'])
const WORKABLE: ReadonlySet<TrainingJobStatus> = new Set(['queued', 'running'])

export function isFinal({ status }: JobState): boolean {
  return FINAL.has(status)
}

/** Whether somebody should be working on it, or is. */
export function isWorkable({ status }: JobState): boolean {
  return WORKABLE.has(status)
}

/** `data` of the events of type `status`. */
const StatusData = z.looseObject({
  status: TrainingJobStatus,
  step: z.int().min(0).optional(),
  steps: z.int().min(1).optional(),
  model: ModelId.optional(),
  error: Failure.optional(),
  crashed: z.boolean().optional(),
})
type StatusData = z.infer<typeof StatusData>

const RequestData = z.looseObject({ request: z.enum(['pause', 'cancel']) })

/** `data` of a crash that no status tells of: the job had not begun to run. */
const MessageData = z.looseObject({ crashed: z.literal(true) })

/**
 * The state after an event. Undefined where the event is void: a status that cannot follow the
 * present one, a request to a job that does not run, anything behind the end. Of two that race, the
 * first counts.
 */
export function follow(
  state: JobState | undefined,
  event: TrainingEventRecord,
): JobState | undefined {
  if (state !== undefined && isFinal(state)) return undefined
  if (event.type === 'status') return followStatus(state, event)
  if (state === undefined) return undefined
  switch (event.type) {
    case 'request':
      return followRequest(state, event)
    case 'metrics':
      return { ...state, progress: TrainingProgress.safeParse(event.data).data ?? state.progress }
    case 'checkpoint':
      return { ...state, crashes: 0 }
    case 'message': {
      const crashed = MessageData.safeParse(event.data).success
      return crashed ? { ...state, crashes: state.crashes + 1 } : state
    }
  }
}

function followStatus(
  before: JobState | undefined,
  event: TrainingEventRecord,
): JobState | undefined {
  const { data } = StatusData.safeParse(event.data)
  if (data === undefined) return undefined
  const { status } = data
  if (followers.get(before?.status)?.includes(status) !== true) return undefined

  const state = before ?? blank(status)
  return {
    ...state,
    status,
    started_at: state.started_at ?? (status === 'running' ? event.at : null),
    finished_at: FINAL.has(status) ? event.at : null,
    // A new attempt at a running job still has to do what was asked of the one before.
    requested: status === before?.status ? state.requested : null,
    progress: progressAt(state.progress, data),
    model: status === 'succeeded' ? (data.model ?? null) : null,
    error: status === 'failed' ? (data.error ?? unexplained(event.message)) : null,
    crashes: data.crashed === true ? state.crashes + 1 : state.crashes,
  }
}

function followRequest(state: JobState, { data }: TrainingEventRecord): JobState | undefined {
  const wanted = RequestData.safeParse(data).data?.request
  if (wanted === undefined || state.status !== 'running') return undefined
  if (state.requested === 'cancel' || state.requested === wanted) return undefined
  return { ...state, requested: wanted }
}

function blank(status: TrainingJobStatus): JobState {
  return {
    status,
    started_at: null,
    finished_at: null,
    requested: null,
    progress: null,
    model: null,
    error: null,
    crashes: 0,
  }
}

/** Where an attempt goes on; what the last report said is kept beside it. */
function progressAt(
  before: TrainingProgress | null,
  { step, steps }: StatusData,
): TrainingProgress | null {
  if (step === undefined || steps === undefined) return before
  const unknown = { losses: {}, learning_rate: null, images_per_s: null, memory_bytes: null }
  return { ...unknown, remaining_s: null, ...before, step, steps }
}

function unexplained(message: string): Failure {
  return { code: 'internal', message }
}

/** The job as callers see it. */
export function toTrainingJob(record: TrainingJobRecord, state: JobState): TrainingJob {
  const { steps: _, model: __, ...asked } = record
  const { crashes: ___, ...known } = state
  return { ...asked, ...known }
}
