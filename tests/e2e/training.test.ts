/**
 * Training over HTTP with everything real: Valkey, the worker, the shipped model, the client. Whatever
 * is killed at whatever moment, the job ends as it would have without that, and nothing is left.
 *
 * PIXELLLM_FAULT_MOMENTS says at how many moments each of the processes is killed.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  jest,
  test,
} from '@jest/globals'
import { PixelLLM, type TrainingJob, type TrainingJobAsked } from '../../sdk/src/index.ts'
import { locksOn, processesOn } from '../helpers/leftovers.ts'
import { ServerProcess } from '../helpers/server-process.ts'
import {
  followToEnd,
  type Losses,
  range,
  SHORT,
  statusesOf,
  stepsOf,
  untilReady,
  uploadScenes,
} from '../helpers/training-service.ts'

// Python imports torch and loads the model after each kill, on a machine that does much else.
jest.setTimeout(240_000)

const MOMENTS = Number(process.env.PIXELLLM_FAULT_MOMENTS ?? 1)
/** After an event of the job, in milliseconds. */
const LONGEST_WAIT_MS = 150
const image = new Uint8Array(await readFile('samples/street.png'))

let folder: string
let server: ServerProcess
let client: PixelLLM
let request: TrainingJobAsked
/** The curve of a job that nothing disturbs. */
let undisturbed: readonly Losses[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelllm-training-e2e-'))
  await start()
  const dataset = await uploadScenes(client, 12, '--new-things')
  expect(dataset).toMatchObject({ status: 'ready', errors: [], counts: { images: 12 } })
  request = { recipe: 'trace', dataset: dataset.id, hyperparameters: SHORT }
  await stop()
})

beforeEach(async () => {
  await start()
  await untilReady(client)
})

// What a failed test leaves would be found by the next.
afterEach(() => ServerProcess.killAll())

afterAll(async () => {
  await ServerProcess.killAll()
  await rm(folder, { recursive: true, force: true })
})

async function start(): Promise<void> {
  server = await ServerProcess.start({ PIXELLLM_DATA_DIR: folder })
  client = new PixelLLM({ baseUrl: await server.address() })
}

async function stop(): Promise<void> {
  server.signal('SIGTERM')
  const { code } = await server.exited
  expect(code).toBe(0)
}

test('a job becomes a model that answers beside the one it was trained from', async () => {
  const created = await client.trainingJobs.create({ ...request, name: 'new-things' })
  const { job, events, curve } = await followToEnd(client, created.id)

  expect(job).toMatchObject({ status: 'succeeded', error: null, progress: { step: SHORT.steps } })
  expect(statusesOf(events)).toEqual(['queued', 'running', 'succeeded'])
  expect(curve.map(({ step }) => step)).toEqual(range(1, SHORT.steps))
  undisturbed = curve

  const model = await client.models.activate(job.model ?? '')
  const [old, trained] = await Promise.all(
    ['tiny', model.id].map((id) => client.caption(image, { model: id })),
  )
  expect(model).toMatchObject({ status: 'active', base_model: 'tiny', training_job: job.id })
  expect(trained).toMatchObject({ model: model.id, words: expect.any(Array) })
  expect(old).toMatchObject({ model: 'tiny' })

  expect(await processesOn(folder)).toEqual(
    expect.arrayContaining(
      Object.values(COMMANDS).map((command) => expect.stringMatching(command)),
    ),
  )
  expect(await locksOn(folder)).toMatchObject({ 'queue/lock': 'held' })
  await stop()
  await expectNothingLeft(job)
})

describe.each(['the Python worker', 'the bridge host', 'the gateway', 'Valkey'] as const)(
  '%s killed',
  (victim) => {
    test.each(range(1, MOMENTS))('at moment %i changes nothing of a job', async (moment) => {
      const chance = chances(`${victim} ${moment}`)
      const created = await client.trainingJobs.create(request)
      await waitFor(created, 1 + Math.floor(chance() * (SHORT.steps + 2)))
      await new Promise((resolve) => setTimeout(resolve, chance() * LONGEST_WAIT_MS))
      await kill(victim)

      const { job, events, curve } = await followToEnd(client, created.id)

      expect(job).toMatchObject({ status: 'succeeded', error: null })
      expect(curve).toEqual(undisturbed)
      const numbers = events.map(({ id }) => id)
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
      expect(stepsOf(events)).toEqual(range(1, SHORT.steps))
      expect(statusesOf(events).filter((status) => status === 'succeeded')).toHaveLength(1)

      await stop()
      await expectNothingLeft(job)
    })
  },
)

/** The server has ended; so has everything that it, or one before it on this folder, ever started. */
async function expectNothingLeft({ id }: TrainingJob): Promise<void> {
  expect(await processesOn(folder)).toEqual([])
  expect(await locksOn(folder)).toMatchObject({ 'queue/lock': 'free', [`runs/${id}/lock`]: 'free' })
}

/** Waits until a job has told so many things. */
async function waitFor({ id }: TrainingJob, count: number): Promise<void> {
  let seen = 0
  for await (const _ of client.trainingJobs.events(id)) {
    seen += 1
    if (seen === count) return
  }
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
