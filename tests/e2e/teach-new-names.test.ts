/**
 * The whole way over HTTP: pictures with things that `tiny` was never shown are sent, a job learns their
 * names while the server goes on answering, and its model writes them, each on its thing.
 *
 * PIXELLLM_LESSON=long gives the lesson of docs/training.md; without it, a shorter one is given.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { type CaptionResult, type Model, PixelLLM } from '../../sdk/src/index.ts'
import { markCaptions, type Picture, readPictures } from '../helpers/new-things.ts'
import { ServerProcess } from '../helpers/server-process.ts'
import {
  type EndedJob,
  followToEnd,
  range,
  statusesOf,
  stepsOf,
  teachNewNames,
  uploadScenes,
  writeScenes,
} from '../helpers/training-service.ts'

const IS_LONG = process.env.PIXELLLM_LESSON === 'long'
const LESSON = IS_LONG ? teachNewNames(450, 2e-3) : teachNewNames(200, 3e-3)
const SCENES = 600
const UNSEEN = 40
const PATIENCE_MS = IS_LONG ? 2_400_000 : 900_000
/** Between two captions that are asked for while the job runs: a caller who looks at the answer. */
const PAUSE_MS = 500

// Minutes of computing, on a machine that does much else.
jest.setTimeout(PATIENCE_MS + 120_000)

let folder: string
let client: PixelLLM
let pictures: Picture[]
let lesson: EndedJob
let model: Model
/** What the old model answered while the job ran. */
let meanwhile: readonly CaptionResult[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelllm-new-names-'))
  const server = await ServerProcess.start()
  client = new PixelLLM({ baseUrl: await server.address(), retries: 0 })
  await writeScenes(join(folder, 'unseen'), UNSEEN, '--new-things', '--val', '--seed', '2')
  pictures = await readPictures(join(folder, 'unseen'))
  const dataset = await uploadScenes(client, SCENES, '--new-things', '--seed', '1')
  const job = await client.trainingJobs.create({
    recipe: 'trace',
    dataset: dataset.id,
    name: 'new-things',
    hyperparameters: { ...LESSON, 'schedule.report_every': 10 },
  })

  const ended = new AbortController()
  const asking = askUntil(ended.signal)
  lesson = await followToEnd(client, job.id, PATIENCE_MS).finally(() => ended.abort())
  meanwhile = await asking
  model = await client.models.activate(lesson.job.model ?? '')
})

afterAll(async () => {
  await ServerProcess.killAll()
  await rm(folder, { recursive: true, force: true })
})

test('a job is followed from its first event to its model', () => {
  const { job, events } = lesson

  expect(job).toMatchObject({ status: 'succeeded', progress: { step: LESSON.steps } })
  expect(statusesOf(events)).toEqual(['queued', 'running', 'succeeded'])
  expect(stepsOf(events)).toEqual(range(1, LESSON.steps / 10).map((report) => report * 10))
  expect(model).toMatchObject({ status: 'active', base_model: 'tiny', training_job: job.id })
})

test('captions on the old model go on while the job runs, and none fails', () => {
  expect(meanwhile.length).toBeGreaterThan(20)
  expect(meanwhile.map((caption) => caption.model)).toEqual(meanwhile.map(() => 'tiny'))
})

test('the old model has no word for the new things', async () => {
  const marks = markCaptions(pictures, await captionsBy('tiny'))

  expect(marks.there).toBeGreaterThan(UNSEEN / 2)
  expect(marks).toMatchObject({ named: 0, placed: 0, wrong: 0 })
})

test('the new model names most of them, each word on its thing', async () => {
  const marks = markCaptions(pictures, await captionsBy(model.id))

  expect(marks.named).toBeGreaterThanOrEqual(marks.there / 2)
  expect(marks.placed).toBeGreaterThanOrEqual(marks.there / 2)
  // It does forget, but it does not say them everywhere.
  expect(marks.wrong).toBeLessThan(marks.placed)
})

async function captionsBy(id: string): Promise<CaptionResult[]> {
  const captions: CaptionResult[] = []
  for (const { bytes } of pictures) captions.push(await client.caption(bytes, { model: id }))
  return captions
}

/** Asks the old model about one picture after the other; rejects as soon as an answer is an error. */
async function askUntil(signal: AbortSignal): Promise<CaptionResult[]> {
  const captions: CaptionResult[] = []
  for (let index = 0; !signal.aborted; index = (index + 1) % pictures.length) {
    const bytes = pictures[index]?.bytes ?? new Uint8Array()
    captions.push(await client.caption(bytes))
    await sleep(PAUSE_MS, undefined, { signal }).catch(() => {})
  }
  return captions
}
