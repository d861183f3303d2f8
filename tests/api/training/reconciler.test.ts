import { rm } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { newJobId } from '../../../api/training/job-id.ts'
import type { Run } from '../../../api/training/run.ts'
import { Latch } from '../../helpers/fake-worker.ts'
import {
  createJob,
  DATASET,
  openTraining,
  type TrainingPlace,
  untilStatus,
} from '../../helpers/training.ts'

let place: TrainingPlace

beforeEach(async () => {
  place = await openTraining()
})

afterEach(() => place.close())

/** A run on disk that the queue was not told of. */
async function makeRun(status: string): Promise<Run> {
  const id = newJobId()
  const record = {
    id,
    name: null,
    recipe: 'ref' as const,
    dataset: DATASET,
    base_model: 'tiny',
    hyperparameters: {},
    seed: 0,
    metadata: {},
    steps: 4,
    model: `tiny-ft-${id.slice(-8)}`,
    created_at: new Date().toISOString(),
  }
  const data = { status }
  return place.training.store.create(record, { level: 'info', type: 'status', message: '', data })
}

describe('a job that the queue does not know', () => {
  test('is put in line', async () => {
    await untilStatus(place, await makeRun('queued'), 'succeeded')
  })

  test('is put in line also when it ran and nobody is at it', async () => {
    const run = await makeRun('queued')
    await run.setStatus('running', 'It runs.')

    await untilStatus(place, run, 'succeeded')
  })

  test('is left alone where it is paused or has ended', async () => {
    const paused = await makeRun('queued')
    await paused.setStatus('paused', 'It is paused.')
    const cancelled = await makeRun('queued')
    await cancelled.setStatus('cancelled', 'It is cancelled.')

    // Jobs get their turn in order, so those would have had theirs.
    await untilStatus(place, await makeRun('queued'), 'succeeded')

    expect((await paused.job()).status).toBe('paused')
    expect(new Set(place.workshop.pieces.map(({ job }) => job)).size).toBe(1)
  })
})

describe('a job whose dataset is being validated', () => {
  const dataset = { folder: '/nowhere', error_count: 0 }

  beforeEach(() => {
    place.datasets.set(DATASET, { ...dataset, status: 'validating' })
  })

  test('begins when it is ready', async () => {
    const run = await createJob(place)
    expect((await run.job()).status).toBe('validating_files')

    place.datasets.set(DATASET, { ...dataset, status: 'ready' })

    await untilStatus(place, run, 'succeeded')
  })

  test('fails when it has errors', async () => {
    const run = await createJob(place)

    place.datasets.set(DATASET, { ...dataset, status: 'invalid', error_count: 3 })

    const { error } = await untilStatus(place, run, 'failed')
    expect(error).toMatchObject({
      code: 'dataset_invalid',
      message: expect.stringContaining('3 errors'),
    })
  })

  test('fails when it is gone', async () => {
    const run = await createJob(place)

    place.datasets.clear()

    const { error } = await untilStatus(place, run, 'failed')
    expect(error).toMatchObject({ code: 'dataset_not_found' })
  })
})

test('a run that is deleted while it waits holds nobody up', async () => {
  const goOn = new Latch()
  place.workshop.piece = () => goOn.opened
  await createJob(place)
  const deleted = await createJob(place)
  const last = await createJob(place)

  await rm(deleted.folder, { recursive: true })
  goOn.open()

  await untilStatus(place, last, 'succeeded')
})
