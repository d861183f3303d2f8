import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { ApiError } from '../../../api/errors.ts'
import type { Run } from '../../../api/training/run.ts'
import { TrainingJobId } from '../../../schemas/index.ts'
import { WorkerError } from '../../../worker-bridge/index.ts'
import { Latch } from '../../helpers/fake-worker.ts'
import {
  createJob,
  openTraining,
  reportsOf,
  runOf,
  statusesOf,
  type TrainingPlace,
  untilStatus,
} from '../../helpers/training.ts'

let place: TrainingPlace

beforeEach(async () => {
  place = await openTraining()
})

afterEach(async () => {
  expect(place.workshop.overlaps).toEqual([])
  await place.close()
})

test('a job goes from the queue to its model', async () => {
  const run = await createJob(place)

  const job = await untilStatus(place, run, 'succeeded')

  expect(await statusesOf(run)).toEqual(['queued', 'running', 'succeeded'])
  expect(job).toMatchObject({ model: run.record.model, progress: { step: 4, steps: 4 } })
  expect(await reportsOf(run)).toEqual([1, 2, 3, 4])
})

test('200 jobs that wait at once all end, in order', async () => {
  place.workshop.steps = 1
  const started = new Latch()
  place.workshop.piece = () => started.opened
  const runs: Run[] = []
  for (let i = 0; i < 200; i += 1) runs.push(await createJob(place))

  started.open()
  const [last] = runs.slice(-1)
  if (last !== undefined) await untilStatus(place, last, 'succeeded')

  const ids = runs.map(({ record }) => record.id)
  expect(place.workshop.pieces.map(({ job }) => job)).toEqual(ids)
  expect(ids).toEqual(ids.toSorted())
  for (const run of runs) expect(await statusesOf(run)).toEqual(['queued', 'running', 'succeeded'])
})

describe('a crash of the worker', () => {
  test('is followed by another attempt, from the last checkpoint', async () => {
    place.workshop.piece = async ({ step, attempt }) => {
      if (step === 4 && attempt === 1) throw crash()
    }
    const run = await createJob(place)

    await untilStatus(place, run, 'succeeded')

    expect(await statusesOf(run)).toEqual(['queued', 'running', 'queued', 'running', 'succeeded'])
    expect(place.workshop.pieces.map(({ step }) => step)).toEqual([1, 2, 3, 3, 4])
    expect(await reportsOf(run)).toEqual([1, 2, 3, 4])
  })

  test('is the end of a job when it happens again and again without a new checkpoint', async () => {
    place.workshop.piece = async ({ step }) => {
      if (step === 3) throw crash()
    }
    const run = await createJob(place)

    const job = await untilStatus(place, run, 'failed')

    expect(job.error).toMatchObject({ code: 'worker_crashed' })
    expect(await readdir(join(run.folder, 'attempts'))).toHaveLength(3)
  })

  test('is no reason to give up where each attempt gets further', async () => {
    place.workshop.steps = 12
    const crashed = new Set<number>()
    place.workshop.piece = async ({ step }) => {
      if (step % 2 === 0 || crashed.has(step)) return
      crashed.add(step)
      throw crash()
    }
    const run = await createJob(place)

    await untilStatus(place, run, 'succeeded')

    expect(crashed.size).toBe(6)
    expect(await reportsOf(run)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
  })

  test('counts also before the job has begun to run', async () => {
    place.workshop.train = async () => {
      throw crash()
    }
    const run = await createJob(place)

    const job = await untilStatus(place, run, 'failed')

    expect(job).toMatchObject({ error: { code: 'worker_crashed' }, started_at: null })
  })

  test.each([
    ['cancel', 'cancelled'],
    ['pause', 'paused'],
  ] as const)('leaves nobody to %s the job, so it is %s at once', async (asked, status) => {
    place.workshop.piece = async ({ job, step }) => {
      if (step < 3) return
      await place.training[asked](TrainingJobId.parse(job))
      throw crash()
    }
    const run = await createJob(place)

    await untilStatus(place, run, status)

    expect(await statusesOf(run)).toEqual(['queued', 'running', status])
  })
})

describe('a worker that does not train', () => {
  test('is asked again where it is only busy or away, without counting that', async () => {
    const { workshop } = place
    const train = workshop.train.bind(workshop)
    const refusals = [
      'worker_unavailable',
      'queue_full',
      'worker_unavailable',
      'queue_full',
    ] as const
    let asked = 0
    workshop.train = async (order, options) => {
      const code = refusals[asked]
      asked += 1
      if (code !== undefined) throw new WorkerError(code, 'not now')
      return train(order, options)
    }
    const run = await createJob(place)

    await untilStatus(place, run, 'succeeded')

    expect(asked).toBe(5)
  })

  test('is asked again where its model has not been loaded since the start', async () => {
    let looks = 0
    const find = place.models.get.bind(place.models)
    place.models.get = (id) => {
      looks += 1
      // The first look is that of whoever makes the job.
      if (looks > 1 && looks < 5) throw new ApiError('worker_unavailable', 'it is being loaded')
      return find(id)
    }
    const run = await createJob(place)

    await untilStatus(place, run, 'succeeded')

    expect(looks).toBe(5)
    expect(await statusesOf(run)).toEqual(['queued', 'running', 'succeeded'])
  })

  test('fails the job with its reason where it cannot', async () => {
    place.workshop.train = async () => {
      throw new WorkerError('out_of_memory', 'the model does not fit')
    }
    const run = await createJob(place)

    const job = await untilStatus(place, run, 'failed')

    expect(job.error).toEqual({ code: 'out_of_memory', message: 'the model does not fit' })
  })
})

describe('a job whose ground is gone', () => {
  test.each([
    ['dataset_not_found', () => place.datasets.clear()],
    ['model_not_found', () => place.models.clear()],
  ] as const)('fails with %s', async (code, remove) => {
    const first = new Latch()
    place.workshop.piece = () => first.opened
    await createJob(place)
    const run = await createJob(place)

    remove()
    first.open()
    const job = await untilStatus(place, run, 'failed')

    expect(job.error).toMatchObject({ code })
  })
})

describe('a gateway that ends', () => {
  test('stops its job after the present step, and the next gateway goes on with it', async () => {
    const reached = new Latch()
    const goOn = new Latch()
    place.workshop.piece = async ({ step }) => {
      if (step < 4) return
      reached.open()
      await goOn.opened
    }
    const run = await createJob(place)
    const others = [await createJob(place), await createJob(place)]
    await reached.opened

    const closing = place.training.close()
    goOn.open()
    await closing
    expect(await statusesOf(run)).toEqual(['queued', 'running', 'queued'])
    const next = await openTraining({ folder: place.folder })
    for (const { record } of others) {
      await untilStatus(next, await runOf(next, record.id), 'succeeded')
    }
    await next.close()

    expect(await statusesOf(run)).toEqual(['queued', 'running', 'queued', 'running', 'succeeded'])
    expect(await reportsOf(run)).toEqual([1, 2, 3, 4])
    // It was begun before the others, and so it goes on before them.
    expect(next.workshop.pieces[0]).toEqual({ job: run.record.id, attempt: 2, step: 3 })
  })

  test.each([
    ['cancel', 'cancelled'],
    ['pause', 'paused'],
  ] as const)('does not forget that it was asked to %s', async (asked, status) => {
    const reached = new Latch()
    const goOn = new Latch()
    place.workshop.piece = () => {
      reached.open()
      return goOn.opened
    }
    const run = await createJob(place)
    await reached.opened

    await place.training[asked](run.record.id)
    const closing = place.training.close()
    goOn.open()
    await closing

    expect(await statusesOf(run)).toEqual(['queued', 'running', status])
  })
})

function crash(): WorkerError {
  return new WorkerError('worker_crashed', 'the worker stopped')
}
