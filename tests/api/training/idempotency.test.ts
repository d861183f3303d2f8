import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { IdempotencyKeys } from '../../../api/training/idempotency.ts'
import { newJobId } from '../../../api/training/job-id.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const body = { recipe: 'ref', metadata: { a: '1', b: '2' } }

let folder: string
let now: number
let keys: IdempotencyKeys

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelllm-keys-'))
  now = 1_000_000
  keys = await open()
})

afterEach(async () => {
  keys.close()
  await rm(folder, { recursive: true })
})

function open(): Promise<IdempotencyKeys> {
  return IdempotencyKeys.open(folder, () => now)
}

test('a key stands for the job that it was used for, in any order of the fields', async () => {
  const job = await keys.take('k', body, newJobId())

  expect(await keys.find('k', { metadata: { b: '2', a: '1' }, recipe: 'ref' })).toBe(job)
  expect(await keys.find('other', body)).toBeUndefined()
})

test('a key that was used for another request is a conflict', async () => {
  await keys.take('k', body, newJobId())

  const conflict = { code: 'idempotency_conflict' }
  await expect(keys.find('k', { ...body, seed: 1 })).rejects.toMatchObject(conflict)
  await expect(keys.take('k', { ...body, seed: 1 }, newJobId())).rejects.toMatchObject(conflict)
})

test('of many who take a key at once, at whichever gateway, all get one job', async () => {
  const others = await open()
  const takes = Array.from({ length: 20 }, (_, i) =>
    (i % 2 ? keys : others).take('k', body, newJobId()),
  )

  const jobs = await Promise.all(takes)
  others.close()

  expect(new Set(jobs).size).toBe(1)
})

test('a key is known after a restart', async () => {
  const job = await keys.take('k', body, newJobId())

  const restarted = await open()
  restarted.close()

  expect(await restarted.find('k', body)).toBe(job)
})

test('a key is forgotten after a day, and can be used again', async () => {
  const first = await keys.take('k', body, newJobId())
  now += DAY_MS

  const takes = [keys.take('k', { other: 1 }, newJobId()), keys.take('k', { other: 1 }, newJobId())]
  const [second, same] = await Promise.all(takes)

  expect(second).not.toBe(first)
  expect(same).toBe(second)
})

test('what is forgotten is deleted', async () => {
  await keys.take('old', body, newJobId())
  now += DAY_MS
  await keys.take('new', body, newJobId())

  await keys.sweep()

  expect(await readdir(folder)).toHaveLength(1)
  expect(await keys.find('new', body)).toBeDefined()
})
