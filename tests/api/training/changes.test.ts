import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { newJobId } from '../../../api/training/job-id.ts'
import type { Run } from '../../../api/training/run.ts'
import { Latch } from '../../helpers/fake-worker.ts'
import {
  createJob,
  DATASET,
  openTraining,
  reportsOf,
  statusesOf,
  type TrainingPlace,
  untilEvent,
  untilStatus,
} from '../../helpers/training.ts'

/** A gateway that works on no job: they stay as they are put. */
let place: TrainingPlace

beforeAll(async () => {
  place = await openTraining({ settings: { PIXELLLM_TRAINING: 'off' } })
})

afterAll(() => place.close())

/** How a job gets into a state. */
const states: Record<string, (run: Run) => Promise<unknown>> = {
  queued: async () => {},
  running: (run) => run.setStatus('running', 'It runs.'),
  'running, to pause': async (run) => {
    await run.setStatus('running', 'It runs.')
    await run.request('pause')
  },
  'running, to cancel': async (run) => {
    await run.setStatus('running', 'It runs.')
    await run.request('cancel')
  },
  paused: (run) => run.setStatus('paused', 'It is paused.'),
  succeeded: async (run) => {
    await run.setStatus('running', 'It runs.')
    await run.setStatus('succeeded', 'It has ended.', { model: 'tiny-ft-1' })
  },
  failed: (run) => run.setStatus('failed', 'It has failed.'),
  cancelled: (run) => run.setStatus('cancelled', 'It is cancelled.'),
}

const conflict = 'job_conflict'

describe.each([
  ['cancel', 'queued', 'cancelled', null],
  ['cancel', 'running', 'running', 'cancel'],
  ['cancel', 'running, to pause', 'running', 'cancel'],
  ['cancel', 'running, to cancel', 'running', 'cancel'],
  ['cancel', 'paused', 'cancelled', null],
  ['cancel', 'succeeded', conflict, null],
  ['cancel', 'failed', conflict, null],
  ['cancel', 'cancelled', 'cancelled', null],
  ['pause', 'queued', 'paused', null],
  ['pause', 'running', 'running', 'pause'],
  ['pause', 'running, to pause', 'running', 'pause'],
  ['pause', 'running, to cancel', conflict, null],
  ['pause', 'paused', 'paused', null],
  ['pause', 'succeeded', conflict, null],
  ['pause', 'failed', conflict, null],
  ['pause', 'cancelled', conflict, null],
  ['resume', 'queued', 'queued', null],
  ['resume', 'running', 'running', null],
  ['resume', 'running, to pause', conflict, null],
  ['resume', 'running, to cancel', 'running', 'cancel'],
  ['resume', 'paused', 'queued', null],
  ['resume', 'succeeded', conflict, null],
  ['resume', 'failed', conflict, null],
  ['resume', 'cancelled', conflict, null],
] as const)('%s of a job that is %s', (change, state, status, requested) => {
  test(`gives ${status}, asked for: ${requested}`, async () => {
    const run = await createJob(place)
    await states[state]?.(run)
    const before = await run.job()

    const changing = place.training[change](run.record.id)

    if (status === conflict) {
      await expect(changing).rejects.toMatchObject({ code: conflict })
      expect(await run.job()).toEqual(before)
    } else {
      expect(await changing).toMatchObject({ status, requested })
    }
  })
})

test('a job that is being validated can be cancelled, and not yet be paused', async () => {
  const run = await createJob(place)
  const ready = place.datasets.get(DATASET)
  if (ready) place.datasets.set(DATASET, { ...ready, status: 'validating' })
  const validating = await place.training.store.create(
    { ...run.record, id: newJobId() },
    { level: 'info', type: 'status', message: '', data: { status: 'validating_files' } },
  )

  const { id } = validating.record
  await expect(place.training.pause(id)).rejects.toMatchObject({ code: conflict })
  expect(await place.training.cancel(id)).toMatchObject({ status: 'cancelled' })
  if (ready) place.datasets.set(DATASET, ready)
})

test('a job that is taken from the queue is taken from a worker that begins at this moment', async () => {
  const run = await createJob(place)
  const attempt = await run.claim()

  await place.training.cancel(run.record.id)

  expect(attempt).toBe(1)
  expect(await readdir(join(run.folder, 'attempts'))).toContain('000002')
})

describe('a job that is worked on', () => {
  let busy: TrainingPlace

  beforeAll(async () => {
    busy = await openTraining()
  })

  afterAll(() => busy.close())

  test('is paused after its present step, and goes on from there', async () => {
    const reached = new Latch()
    const goOn = new Latch()
    busy.workshop.piece = async ({ step }) => {
      if (step < 3) return
      reached.open()
      await goOn.opened
    }
    const run = await createJob(busy)
    await reached.opened

    const asked = await busy.training.pause(run.record.id)
    goOn.open()
    await untilStatus(busy, run, 'paused')
    await busy.training.resume(run.record.id)
    await untilStatus(busy, run, 'succeeded')

    expect(asked).toMatchObject({ status: 'running', requested: 'pause' })
    expect(await statusesOf(run)).toEqual([
      'queued',
      'running',
      'paused',
      'queued',
      'running',
      'succeeded',
    ])
    expect(await reportsOf(run)).toEqual([1, 2, 3, 4])
    expect(busy.workshop.pieces.map(({ step }) => step)).toEqual([1, 2, 3, 4])
  })

  test('is cancelled after its present step, and the next one begins', async () => {
    const reached = new Latch()
    const goOn = new Latch()
    busy.workshop.piece = () => {
      reached.open()
      return goOn.opened
    }
    const run = await createJob(busy)
    const next = await createJob(busy)
    await reached.opened

    await busy.training.cancel(run.record.id)
    goOn.open()

    await untilStatus(busy, run, 'cancelled')
    await untilStatus(busy, next, 'succeeded')
    expect(await reportsOf(run)).toEqual([1])
  })

  test('that is cancelled, paused and resumed by many at once ends in one state', async () => {
    const goOn = new Latch()
    busy.workshop.piece = () => goOn.opened
    const run = await createJob(busy)
    await untilStatus(busy, run, 'running')

    const changes = (['pause', 'cancel', 'resume', 'cancel', 'pause'] as const).map((change) =>
      busy.training[change](run.record.id).catch(() => {}),
    )
    await Promise.all(changes)
    goOn.open()

    await untilEvent(busy, run, ({ data }) => data.status === 'cancelled')
  })
})
