/** The bridge with real engines of two models: one with all parts, one with what every model has. */
import { createHash, randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { jest } from '@jest/globals'
import { CaptionOutput, DenseCaptionOutput, SegmentOutput } from '../../schemas/index.ts'
import type { Answer, WorkerPool } from '../../worker-bridge/index.ts'
import { RandomCheckpoint } from '../helpers/checkpoints.ts'
import { codeOf, RecordingLog } from './fixtures/fault-pool.ts'
import { startRealWorkers } from './fixtures/real-pool.ts'

jest.setTimeout(120_000)

const log = new RecordingLog()
const checkpoints: RandomCheckpoint[] = []
const pools: WorkerPool[] = []
let street: Uint8Array

beforeAll(async () => {
  street = await readFile(new URL('../../samples/street.png', import.meta.url))
})

afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.close()))
  await Promise.all(checkpoints.map((checkpoint) => checkpoint.delete()))
})

test('carries masks and regions across', async () => {
  const workers = await start('whole')
  const dense = { min_score: 0, nms_iou: 0.9, max_regions: 20, words: true, masks: true }

  const [segmented, captioned, grounded] = await Promise.all([
    ask(workers, 'segment', { phrase: 'the lake' }),
    ask(workers, 'dense_caption', dense),
    ask(workers, 'caption', { beams: 1, max_tokens: 20, ground: 'mask' }),
  ])

  expect(workers.status().models[0]?.tasks).toEqual(
    expect.arrayContaining(['segment', 'dense_caption']),
  )
  expect(SegmentOutput.parse(segmented.result).mask.size).toEqual([354, 480])
  expect(DenseCaptionOutput.parse(captioned.result).regions.length).toBeGreaterThan(0)
  expect(CaptionOutput.parse(grounded.result).phrases?.[0]?.mask?.size).toEqual([354, 480])
  expect(captioned.timing.steps).toBeGreaterThan(0)
})

test('says that the model has no part for it, and answers the next call', async () => {
  const workers = await start('plain')

  const codes = await Promise.all([
    codeOf(ask(workers, 'segment', { phrase: 'the lake' })),
    codeOf(ask(workers, 'dense_caption', {})),
    codeOf(ask(workers, 'caption', { beams: 1, ground: 'mask' })),
    codeOf(ask(workers, 'caption', { beams: 1, ground: 'box' })),
  ])

  const refused = 'task_unsupported'
  expect(codes).toEqual([refused, refused, refused, 'answered'])
  expect(workers.status().models[0]?.tasks).toEqual(['caption', 'describe', 'locate'])
})

async function start(kind: 'whole' | 'plain'): Promise<WorkerPool> {
  const checkpoint = await RandomCheckpoint.write(kind)
  checkpoints.push(checkpoint)
  const pool = await startRealWorkers(checkpoint.folder, log)
  pools.push(pool)
  await pool.ready()
  return pool
}

function ask(workers: WorkerPool, task: string, request: Record<string, unknown>): Promise<Answer> {
  const id = createHash('sha256').update(street).digest('hex')
  const [{ id: model } = { id: '' }] = workers.status().models
  return workers.run(
    { id: randomUUID(), model, task, request, image: { id, bytes: street }, timeout_ms: 60_000 },
    { signal: new AbortController().signal },
  )
}
