import { describe, expect, test } from '@jest/globals'
import { newJobId } from '../../../api/training/job-id.ts'
import { follow, type JobState, toTrainingJob } from '../../../api/training/job-state.ts'
import {
  TRAINING_JOB_STATUSES,
  type TrainingEventRecord,
  TrainingJob,
  type TrainingJobStatus,
} from '../../../schemas/index.ts'

const at = '2026-01-02T03:04:05.678Z'

function event(
  type: TrainingEventRecord['type'],
  data: Record<string, unknown> = {},
): TrainingEventRecord {
  return { at, level: 'info', type, message: `${type}.`, data }
}

function status(name: string, data: Record<string, unknown> = {}): TrainingEventRecord {
  return event('status', { status: name, ...data })
}

/** The state after these events, of which none may be void. */
function stateAfter(...events: TrainingEventRecord[]): JobState {
  let state: JobState | undefined
  for (const next of events) {
    state = follow(state, next)
    if (state === undefined) throw new Error(`${JSON.stringify(next)} is void`)
  }
  if (state === undefined) throw new Error('there is no event')
  return state
}

const begun = [status('queued'), status('running', { step: 0, steps: 10 })] as const
const paths: Record<TrainingJobStatus, readonly TrainingEventRecord[]> = {
  validating_files: [status('validating_files')],
  queued: [status('queued')],
  running: begun,
  paused: [...begun, status('paused')],
  succeeded: [...begun, status('succeeded', { model: 'tiny-ft-1' })],
  failed: [...begun, status('failed', { error: { code: 'out_of_memory', message: 'no room' } })],
  cancelled: [...begun, status('cancelled')],
}

const allowed = new Set([
  'validating_files queued',
  'validating_files failed',
  'validating_files cancelled',
  'queued running',
  'queued paused',
  'queued failed',
  'queued cancelled',
  'running running',
  'running queued',
  'running paused',
  'running succeeded',
  'running failed',
  'running cancelled',
  'paused queued',
  'paused cancelled',
])

describe('a status', () => {
  const pairs = TRAINING_JOB_STATUSES.flatMap((from) =>
    TRAINING_JOB_STATUSES.map((to) => [from, to, allowed.has(`${from} ${to}`)] as const),
  )

  test.each(pairs)('%s to %s counts: %s', (from, to, counts) => {
    const after = follow(stateAfter(...paths[from]), status(to))

    expect(after?.status).toBe(counts ? to : undefined)
  })

  test.each(['running', 'paused', 'succeeded', 'failed', 'cancelled', 'unknown'])(
    'is not the first one as %s',
    (name) => {
      expect(follow(undefined, status(name))).toBeUndefined()
    },
  )

  test('says when a job began and ended', () => {
    const state = stateAfter(...paths.succeeded)

    expect(state).toMatchObject({ started_at: at, finished_at: at, model: 'tiny-ft-1' })
    expect(stateAfter(...paths.queued)).toMatchObject({ started_at: null, finished_at: null })
  })

  test('keeps the time of the first beginning when the job goes on', () => {
    const later = { ...status('running'), at: '2026-02-02T00:00:00.000Z' }

    expect(stateAfter(...begun, status('queued'), later).started_at).toBe(at)
  })

  test('of a failure has its reason, whoever forgot to write it', () => {
    expect(stateAfter(...paths.failed).error).toMatchObject({ code: 'out_of_memory' })
    expect(stateAfter(...begun, status('failed')).error).toMatchObject({ code: 'internal' })
  })
})

describe('a request', () => {
  const cancel = event('request', { request: 'cancel' })
  const pause = event('request', { request: 'pause' })

  test('counts until the status changes', () => {
    expect(stateAfter(...begun, pause).requested).toBe('pause')
    expect(stateAfter(...begun, pause, status('paused')).requested).toBeNull()
  })

  test('still counts for the next attempt at the same job', () => {
    expect(stateAfter(...begun, pause, status('running')).requested).toBe('pause')
  })

  test('to cancel comes before one to pause', () => {
    expect(stateAfter(...begun, pause, cancel).requested).toBe('cancel')
    expect(follow(stateAfter(...begun, cancel), pause)).toBeUndefined()
  })

  test('is void for a job that does not run', () => {
    expect(follow(stateAfter(...paths.queued), cancel)).toBeUndefined()
    expect(follow(stateAfter(...paths.paused), cancel)).toBeUndefined()
  })
})

describe('progress', () => {
  const report = {
    step: 5,
    steps: 10,
    losses: { total: 0.5 },
    learning_rate: 0.1,
    images_per_s: 2,
    memory_bytes: 100,
    remaining_s: 7,
  }

  test('is what the last report said', () => {
    expect(stateAfter(...begun).progress).toMatchObject({ step: 0, steps: 10, losses: {} })
    expect(stateAfter(...begun, event('metrics', report)).progress).toEqual(report)
  })

  test('goes back to where a job goes on', () => {
    const state = stateAfter(
      ...begun,
      event('metrics', report),
      status('queued'),
      status('running', { step: 4, steps: 10 }),
    )

    expect(state.progress).toEqual({ ...report, step: 4 })
  })
})

describe('crashes', () => {
  const crash = status('queued', { crashed: true })

  test('are counted until there is a new checkpoint', () => {
    expect(stateAfter(...begun, crash, status('running'), crash).crashes).toBe(2)
    expect(stateAfter(...begun, crash, event('message', { crashed: true })).crashes).toBe(2)
    expect(stateAfter(...begun, crash, event('checkpoint')).crashes).toBe(0)
  })
})

test('nothing counts behind the end', () => {
  const ended = stateAfter(...paths.cancelled)

  expect(follow(ended, event('metrics', { step: 1 }))).toBeUndefined()
  expect(follow(ended, event('message'))).toBeUndefined()
})

test('a job is what was asked for and what has become of it', () => {
  const record = {
    id: newJobId(),
    name: null,
    recipe: 'ref' as const,
    dataset: `ds_${'0'.repeat(32)}`,
    base_model: 'tiny',
    hyperparameters: {},
    seed: 0,
    metadata: {},
    steps: 10,
    model: 'tiny-ft-1',
    created_at: at,
  }

  const job = toTrainingJob(record, stateAfter(...begun))

  expect(TrainingJob.parse(job)).toMatchObject({ id: record.id, status: 'running', model: null })
})

test('ids are later in the alphabet for later jobs, also of one moment', () => {
  const ids = [newJobId(1), ...Array.from({ length: 100 }, () => newJobId()), newJobId(2)]

  expect(ids).toEqual(ids.toSorted())
  expect(new Set(ids).size).toBe(ids.length)
})
