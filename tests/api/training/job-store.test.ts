import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { newJobId } from '../../../api/training/job-id.ts'
import { JobStore } from '../../../api/training/job-store.ts'
import type { Run } from '../../../api/training/run.ts'
import type { TrainingJobRecord } from '../../../schemas/index.ts'
import { DATASET, logTo } from '../../helpers/training.ts'

let folder: string
let lines: Record<string, unknown>[]
let store: JobStore

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelllm-runs-'))
  lines = []
  store = await JobStore.open(folder, logTo(lines))
})

afterEach(() => rm(folder, { recursive: true }))

function record(): TrainingJobRecord {
  const id = newJobId()
  return {
    id,
    name: null,
    recipe: 'trace',
    dataset: DATASET,
    base_model: 'tiny',
    hyperparameters: {},
    seed: 0,
    metadata: {},
    steps: 4,
    model: `tiny-ft-${id.slice(-8)}`,
    created_at: '2026-01-01T00:00:00.000Z',
  }
}

function create(made = record()): Promise<Run> {
  const data = { status: 'queued' }
  return store.create(made, { level: 'info', type: 'status', message: 'It waits.', data })
}

test('a run is a folder with the job, its first event and no attempt', async () => {
  const run = await create()

  expect(await readdir(folder)).toEqual([run.record.id])
  expect((await readdir(run.folder)).sort()).toEqual(['attempts', 'events.jsonl', 'job.json'])
  expect(await run.job()).toMatchObject({ status: 'queued', recipe: 'trace' })
})

test('a run that is there stays as it is', async () => {
  const made = record()
  const [first, second] = await Promise.all([create(made), create(made)])
  await first.setStatus('cancelled', 'It is cancelled.')

  await create(made)

  expect((await second.state()).status).toBe('cancelled')
  expect(await readdir(folder)).toEqual([made.id])
})

test('another process sees the same', async () => {
  const run = await create()
  const other = await JobStore.open(folder, logTo(lines))
  const theirs = await other.get(run.record.id)

  await theirs.setStatus('paused', 'It is paused.')

  expect(await run.job()).toEqual(await theirs.job())
})

describe('pages', () => {
  test('have the newest job first and every job once', async () => {
    const ids: string[] = []
    for (let i = 0; i < 7; i += 1) ids.push((await create()).record.id)

    const first = await store.page(undefined, 3, undefined)
    const second = await store.page(first.runs.at(-1)?.record.id, 3, undefined)
    const third = await store.page(second.runs.at(-1)?.record.id, 3, undefined)

    const found = [first, second, third].flatMap(({ runs }) => runs.map(({ record }) => record.id))
    expect(found).toEqual(ids.toReversed())
    expect([first, second, third].map(({ has_more }) => has_more)).toEqual([true, true, false])
  })

  test('of one status have only that', async () => {
    await create()
    const paused = await create()
    await paused.setStatus('paused', 'It is paused.')
    await create()

    const { runs, has_more } = await store.page(undefined, 1, 'paused')

    expect(runs.map(({ record }) => record.id)).toEqual([paused.record.id])
    expect(has_more).toBe(false)
  })

  test('go without a run that cannot be read, which is said once', async () => {
    const run = await create()
    const broken = newJobId()
    await mkdir(join(folder, broken))
    await writeFile(join(folder, broken, 'job.json'), '{')

    await store.page(undefined, 10, undefined)
    const { runs } = await store.page(undefined, 10, undefined)

    expect(runs.map(({ record }) => record.id)).toEqual([run.record.id])
    expect(lines).toEqual([expect.objectContaining({ msg: expect.stringContaining(broken) })])
  })
})

test('a run that is deleted is not there any more', async () => {
  const run = await create()

  await rm(run.folder, { recursive: true })

  expect(await store.find(run.record.id)).toBeUndefined()
  await expect(store.get(run.record.id)).rejects.toMatchObject({ code: 'job_not_found' })
})

test('what was never finished is removed when nobody can still be at it', async () => {
  await mkdir(join(folder, '.new-old'))
  await utimes(join(folder, '.new-old'), 0, 0)
  await mkdir(join(folder, '.new-fresh'))

  await JobStore.open(folder, logTo(lines))

  expect(await readdir(folder)).toEqual(['.new-fresh'])
})

describe('an attempt', () => {
  test('is the next one, however many claim at once', async () => {
    const run = await create()

    const claimed = await Promise.all(Array.from({ length: 10 }, () => run.claim()))

    expect(claimed.toSorted((a = 0, b = 0) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  })

  test('behind the own one is refused where somebody else has it', async () => {
    const run = await create()
    const own = await run.claim()

    const theirs = await run.claim()

    expect(theirs).toBe(2)
    expect(await run.claim(own)).toBeUndefined()
    expect(await run.claim(theirs)).toBe(3)
  })
})
