/**
 * A gateway with its worker stops for so long that its place in the queue runs out, as on a machine
 * that is suspended, and wakes when another gateway has its job already.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { Redis } from 'ioredis'
import { PixelLLM, type TrainingJobAsked } from '../../sdk/src/index.ts'
import { locksOn, processesOn } from '../helpers/leftovers.ts'
import { ServerProcess } from '../helpers/server-process.ts'
import {
  followToEnd,
  type Losses,
  range,
  SHORT,
  statusesOf,
  stepsOf,
  uploadScenes,
} from '../helpers/training-service.ts'

// Two servers, each with a worker of its own, on a machine that does much else.
jest.setTimeout(240_000)

const PATIENCE_MS = 60_000
const LOOK_MS = 50
const VALKEY = /(valkey|redis)-server/

interface Gateway {
  readonly server: ServerProcess
  readonly client: PixelLLM
}

let folder: string
let first: Gateway
let request: TrainingJobAsked
let undisturbed: readonly Losses[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelllm-frozen-'))
  first = await startGateway()
  const dataset = await uploadScenes(first.client, 12, '--new-things')
  request = { recipe: 'trace', dataset: dataset.id, hyperparameters: SHORT }
  const { id } = await first.client.trainingJobs.create(request)
  undisturbed = (await followToEnd(first.client, id)).curve
})

afterAll(async () => {
  await ServerProcess.killAll()
  await rm(folder, { recursive: true, force: true })
})

async function startGateway(): Promise<Gateway> {
  const server = await ServerProcess.start({ PIXELLLM_DATA_DIR: folder })
  return { server, client: new PixelLLM({ baseUrl: await server.address() }) }
}

test('its job is finished once, by the other, with the curve of one that nobody disturbed', async () => {
  const { id } = await first.client.trainingJobs.create(request)
  await firstReport(id)
  const frozen = await freeze(first.server)
  const second = await startGateway()
  await letLockRunOut(id)
  // It has the job, and waits for what the frozen worker holds.
  await untilAttempt(id, 2)
  for (const pid of frozen) process.kill(pid, 'SIGCONT')
  const { job, events, curve } = await followToEnd(second.client, id)

  expect(job).toMatchObject({ status: 'succeeded', error: null })
  expect(curve).toEqual(undisturbed)
  expect(stepsOf(events)).toEqual(range(1, SHORT.steps))
  expect(statusesOf(events).filter((status) => status === 'succeeded')).toHaveLength(1)
  const attempts = events.map(({ data }) => data.attempt).filter(Number.isInteger)
  expect(attempts).toEqual([1, 2])

  await Promise.all([first, second].map(stop))
  expect(await processesOn(folder)).toEqual([])
  expect(await locksOn(folder)).toMatchObject({ 'queue/lock': 'free', [`runs/${id}/lock`]: 'free' })
})

async function stop({ server }: Gateway): Promise<void> {
  server.signal('SIGTERM')
  expect(await server.exited).toMatchObject({ code: 0 })
}

async function firstReport(id: string): Promise<void> {
  for await (const { type } of first.client.trainingJobs.events(id)) if (type === 'metrics') return
}

/** Stops a gateway and its worker. The server of the queue goes on: it serves every gateway. */
async function freeze(server: ServerProcess): Promise<number[]> {
  const frozen = []
  for (const pid of [server.pid, ...(await server.descendants())]) {
    if (VALKEY.test(await readFile(`/proc/${pid}/cmdline`, 'utf8'))) continue
    process.kill(pid, 'SIGSTOP')
    frozen.push(pid)
  }
  return frozen
}

/** What a minute does, in which nobody says that the job is still worked on. */
async function letLockRunOut(id: string): Promise<void> {
  const redis = new Redis(join(folder, 'queue', 'socket'))
  try {
    const [lock = '', ...others] = await redis.keys(`*:${id}:lock`)
    expect(others).toEqual([])
    expect(await redis.pexpire(lock, 1)).toBe(1)
  } finally {
    redis.disconnect()
  }
}

async function untilAttempt(id: string, number: number): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS
  while ((await readdir(join(folder, 'runs', id, 'attempts'))).length < number) {
    if (Date.now() > deadline) throw new Error('nobody else has taken the job')
    await sleep(LOOK_MS)
  }
}
