/**
 * Training over HTTP with everything real: Valkey, the worker, the shipped model. Whatever is killed
 * at whatever moment, the job ends as it would have without that.
 *
 * PIXELLLM_FAULT_MOMENTS says at how many moments each of the processes is killed.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { CaptionResult, Model, type TrainingEvent, type TrainingJob } from '../../schemas/index.ts'
import { ServerProcess } from '../helpers/server-process.ts'
import { QUICK, sceneArchive, TrainingService } from '../helpers/training-service.ts'

// Python imports torch and loads the model after each kill, on a machine that does much else.
jest.setTimeout(240_000)

const MOMENTS = Number(process.env['PIXELLLM_FAULT_MOMENTS'] ?? 1)
const STEPS = 24
/** After an event of the job, in milliseconds. */
const LONGEST_WAIT_MS = 150
const image = (await readFile('samples/street.png')).toString('base64')

const hyperparameters = {
  ...QUICK,
  steps: STEPS,
  'schedule.save_every': 5,
}

let folder: string
let server: ServerProcess
let service: TrainingService
let request: object
/** The curve of a job that nothing disturbs. */
let undisturbed: unknown

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelllm-training-e2e-'))
  await start()
  const dataset = await service.upload(await sceneArchive(12, '--new-things'))
  expect(dataset).toMatchObject({ status: 'ready', errors: [], counts: { images: 12 } })
  request = { recipe: 'trace', dataset: dataset.id, hyperparameters }
})

afterAll(async () => {
  await ServerProcess.killAll()
  await rm(folder, { recursive: true, force: true })
})

async function start(): Promise<void> {
  server = await ServerProcess.start({ PIXELLLM_DATA_DIR: folder })
  service = new TrainingService(await server.address())
}

test('a job becomes a model that answers beside the one it was trained from', async () => {
  const created = await service.create({ ...request, name: 'new-things' })
  const { job, events } = await service.finish(created.id)

  expect(job).toMatchObject({ status: 'succeeded', error: null, progress: { step: STEPS } })
  expect(statusesOf(events)).toEqual(['queued', 'running', 'succeeded'])
  undisturbed = await service.metrics(job.id)
  expect(curveOf(undisturbed).map(({ step }) => step)).toEqual(range(1, STEPS))

  const model = Model.parse(await service.post(`/v1/models/${job.model}/activate`))
  const answers = await Promise.all(
    ['tiny', model.id].map((id) =>
      service.post('/v1/caption', { image: { data: image }, model: id }),
    ),
  )
  const [old, trained] = answers.map((answer) => CaptionResult.parse(answer))
  expect(model).toMatchObject({ status: 'active', base_model: 'tiny', training_job: job.id })
  expect(trained).toMatchObject({ model: model.id, words: expect.any(Array) })
  expect(old).toMatchObject({ model: 'tiny' })
})

describe.each(['the Python worker', 'the bridge host', 'the gateway', 'Valkey'] as const)(
  '%s killed',
  (victim) => {
    test.each(range(1, MOMENTS))('at moment %i changes nothing of a job', async (moment) => {
      await service.ready()
      const chance = chances(`${victim} ${moment}`)
      const created = await service.create(request)
      await waitFor(created, 1 + Math.floor(chance() * (STEPS + 2)), chance() * LONGEST_WAIT_MS)
      await kill(victim)

      const { job, events } = await service.finish(created.id)

      expect(job).toMatchObject({ status: 'succeeded', error: null })
      expect(curveOf(await service.metrics(job.id))).toEqual(curveOf(undisturbed))
      const numbers = events.map(({ id }) => id)
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
      expect(stepsOf(events)).toEqual(range(1, STEPS))
      expect(statusesOf(events).filter((status) => status === 'succeeded')).toHaveLength(1)
    })
  },
)

/** Waits until a job has told so many things, and then for a while. */
async function waitFor({ id }: TrainingJob, count: number, ms: number): Promise<void> {
  let seen = 0
  for await (const _ of service.follow(id)) {
    seen += 1
    if (seen === count) break
  }
  await new Promise((resolve) => setTimeout(resolve, ms))
}

const COMMANDS = {
  'the Python worker': /pythonia\/interface\.py/,
  'the bridge host': /worker-bridge\/host\.js/,
  Valkey: /(valkey|redis)-server/,
} as const

async function kill(victim: keyof typeof COMMANDS | 'the gateway'): Promise<void> {
  if (victim === 'the gateway') {
    server.signal('SIGKILL')
    await server.exited
    await start()
    return
  }
  for (const pid of await server.descendants()) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    if (COMMANDS[victim].test(command)) process.kill(pid, 'SIGKILL')
  }
}

/** Losses by step; what tells of time and memory is left out. */
function curveOf(metrics: unknown): { step: number; losses: unknown }[] {
  if (!Array.isArray(metrics)) throw new TypeError('there is no curve')
  return metrics.map(({ step, values: { step_s, ...losses } }) => ({ step, losses }))
}

function statusesOf(events: readonly TrainingEvent[]): unknown[] {
  return events.filter(({ type }) => type === 'status').map(({ data }) => data['status'])
}

function stepsOf(events: readonly TrainingEvent[]): unknown[] {
  return events.filter(({ type }) => type === 'metrics').map(({ data }) => data['step'])
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}

/** Numbers from 0 to 1 that a text decides (mulberry32). */
function chances(text: string): () => number {
  let state = [...text].reduce((sum, letter) => Math.imul(sum, 31) + letter.charCodeAt(0), 7)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
