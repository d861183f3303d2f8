/** Training with the client, on a real server with its worker and its queue. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import {
  type Dataset,
  PixelLLM,
  type TrainingEvent,
  type TrainingJob,
} from '../../sdk/src/index.ts'
import { openFile, saveTo } from '../../sdk/src/node.ts'
import { tarOf } from '../helpers/archives.ts'
import { datasetFiles } from '../helpers/datasets.ts'
import { ServerProcess } from '../helpers/server-process.ts'
import { ENDLESS, QUICK, sceneArchive } from '../helpers/training-service.ts'

jest.setTimeout(120_000)

const STEPS = 8
const NO_JOB = `job_${'0'.repeat(26)}`

let folder: string
let server: ServerProcess
let client: PixelLLM
/** The headers of the requests so far. */
const asked: Headers[] = []
let dataset: Dataset
/** A job that has made a model, and what happened to it, as it happened. */
let finished: TrainingJob
let happenings: TrainingEvent[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelllm-sdk-'))
  await start('0')
  const baseUrl = await server.address()
  client = new PixelLLM({
    baseUrl,
    fetch: (request) => {
      asked.push(request.headers)
      return fetch(request)
    },
  })
  dataset = await client.datasets.upload(await sceneArchive(8))
  const { id } = await create({ steps: STEPS, 'schedule.save_every': 4 })
  happenings = await collect(client.trainingJobs.events(id))
  finished = await client.trainingJobs.read(id)
})

afterAll(async () => {
  await ServerProcess.killAll()
  await rm(folder, { recursive: true, force: true })
})

async function start(port: string): Promise<void> {
  server = await ServerProcess.start({
    PIXELLLM_PORT: port,
    PIXELLLM_DATA_DIR: join(folder, 'data'),
    PIXELLLM_DATASET_ROOTS: `scenes=${folder}`,
  })
}

function create(more: object, options = {}): Promise<TrainingJob> {
  const hyperparameters = { ...QUICK, ...more }
  return client.trainingJobs.create(
    { recipe: 'trace', dataset: dataset.id, hyperparameters },
    options,
  )
}

async function collect<Entry>(entries: AsyncIterable<Entry>): Promise<Entry[]> {
  const all: Entry[] = []
  for await (const entry of entries) all.push(entry)
  return all
}

/** Follows a job until something has happened to it. */
async function until(id: string, happened: (event: TrainingEvent) => boolean): Promise<void> {
  for await (const event of client.trainingJobs.events(id)) if (happened(event)) return
  throw new Error('the job has ended before')
}

describe('datasets', () => {
  const archive = new Blob([new Uint8Array(tarOf(datasetFiles()))])

  test('are sent with their name, waited for and deleted', async () => {
    const sent = await client.datasets.upload(archive, { name: 'one picture' })
    const waited = await client.datasets.wait(sent.id)
    await client.datasets.delete(sent.id)

    expect(sent.name).toBe('one picture')
    expect(waited).toMatchObject({ status: 'ready', counts: { images: 1, captions: 1 } })
    await expect(client.datasets.read(sent.id)).rejects.toMatchObject({ code: 'dataset_not_found' })
  })

  test('say how far they are sent', async () => {
    const large = { name: 'images/notes.txt', data: Buffer.alloc(3_000_000) }
    const total = 3_000_000
    const sent: number[] = []

    const blob = new Blob([new Uint8Array(tarOf([...datasetFiles(), large]))])
    const { id } = await client.datasets.upload(blob, {
      onProgress: (progress) => sent.push(progress.sent),
    })

    expect(id).toMatch(/^ds_/)
    expect(sent.length).toBeGreaterThan(2)
    expect(sent).toEqual(sent.toSorted((a, b) => a - b))
    expect(sent.at(-1)).toBe(blob.size)
    expect(blob.size).toBeGreaterThan(total)
  })

  test('are sent from a file, and have the same id again', async () => {
    const file = join(folder, 'scenes.tar.gz')
    const scenes = await sceneArchive(2)
    await writeFile(file, scenes.stream())

    const [first, second] = [
      await client.datasets.upload(await openFile(file)),
      await client.datasets.upload(scenes),
    ]

    expect(second.id).toBe(first.id)
  })

  test('are registered, and say what is wrong with them', async () => {
    const { id, ...registered } = await client.datasets.register({ root: 'scenes', name: 'boats' })
    const { status, errors } = await client.datasets.wait(id)

    expect(registered).toMatchObject({ root: 'scenes', name: 'boats' })
    expect(status).toBe('invalid')
    expect(errors[0]).toMatchObject({ file: 'data.jsonl' })
  })

  test('are listed over all pages', async () => {
    const whole = await client.datasets.list({ limit: 100 }).first()
    const paged = await client.datasets.list({ limit: 1 }).all()

    expect(paged.length).toBeGreaterThan(2)
    expect(paged).toEqual(whole)
  })

  test('are not waited for when the signal is aborted', async () => {
    const stop = new AbortController()

    const waited = client.datasets.wait(dataset.id, { signal: stop.signal })
    stop.abort(new Error('enough'))

    await expect(waited).rejects.toThrow('enough')
  })
})

describe('training jobs', () => {
  test('with the same key are one job, and have a key of their own without', async () => {
    const key = { idempotencyKey: 'mine' }

    const same = [await create({ steps: ENDLESS }, key), await create({ steps: ENDLESS }, key)]
    const other = await create({ steps: ENDLESS })
    await client.trainingJobs.cancel(other.id)
    await client.trainingJobs.cancel(same[0]?.id ?? '')

    expect(same[0]?.id).toBe(same[1]?.id)
    expect(other.id).not.toBe(same[0]?.id)
    const keys = asked.flatMap((headers) => headers.get('idempotency-key') ?? [])
    expect(keys.at(-1)).toMatch(/^[0-9a-f]{32}$/)
  })

  test('are listed over all pages, by status', async () => {
    const { id } = await create({ steps: ENDLESS })
    await client.trainingJobs.cancel(id)
    await until(id, ({ data }) => data.status === 'cancelled')

    const all = await client.trainingJobs.list({ limit: 1 }).all()
    const cancelled = await client.trainingJobs.list({ limit: 1, status: 'cancelled' }).all()

    expect(all.map(({ id }) => id)).toEqual(
      all
        .map(({ id }) => id)
        .toSorted()
        .reverse(),
    )
    expect(cancelled).toEqual(all.filter(({ status }) => status === 'cancelled'))
    expect(cancelled.map(({ id }) => id)).toContain(id)
    expect(all.map(({ id }) => id)).toContain(finished.id)
  })

  test('are paused, resumed and cancelled', async () => {
    const { trainingJobs } = client
    const { id } = await create({ steps: ENDLESS })
    const seen: unknown[] = []

    for await (const { id: event, type, data } of trainingJobs.events(id)) {
      if (type === 'status') seen.push(data.status)
      if (type === 'metrics' && data.step === 1) await trainingJobs.pause(id)
      if (data.status === 'paused') await trainingJobs.resume(id)
      if (data.status === 'running' && event > 4) await trainingJobs.cancel(id)
    }

    expect(seen).toEqual(['queued', 'running', 'paused', 'queued', 'running', 'cancelled'])
  })

  test('tell what happens until they have ended', async () => {
    const statuses = happenings
      .filter(({ type }) => type === 'status')
      .map(({ data }) => data.status)
    expect(statuses.slice(-2)).toEqual(['running', 'succeeded'])
    expect(stepsOf(happenings)).toEqual(range(STEPS))
    expect(happenings).toEqual(await client.trainingJobs.pastEvents(finished.id).all())
  })

  test('have told everything when they had ended before', async () => {
    const { trainingJobs } = client
    const [last] = happenings.slice(-1)

    const events = await collect(trainingJobs.events(finished.id, { after: last?.id ?? 0 }))

    expect(events).toEqual([])
  })

  test('go on behind the last event when the server was away', async () => {
    const { id } = await create({ steps: 12 })
    const events: TrainingEvent[] = []

    for await (const event of client.trainingJobs.events(id, { retries: 20 })) {
      events.push(event)
      if (event.data.step === 4 && event.type === 'metrics') await restart()
    }

    expect(events).toEqual(await client.trainingJobs.pastEvents(id).all())
    expect(stepsOf(events)).toEqual(range(12))
    expect(events.at(-1)?.data).toMatchObject({ status: 'succeeded' })
  })

  test('are no longer followed when the signal is aborted', async () => {
    const { id } = await create({ steps: ENDLESS })
    const stop = new AbortController()

    const followed = collect(client.trainingJobs.events(id, { signal: stop.signal }))
    stop.abort(new Error('enough'))

    await expect(followed).rejects.toThrow('enough')
    await client.trainingJobs.cancel(id)
  })

  test('are waited for until they have ended', async () => {
    const { id } = await create({ steps: 1 })

    const ended = await client.trainingJobs.wait(id)

    expect(ended).toMatchObject({ id, status: 'succeeded', model: expect.any(String) })
  })

  test.each([1, 3, STEPS - 1, STEPS, 1000])('have curves and a past, %i at once', async (limit) => {
    const { trainingJobs } = client

    const metrics = await trainingJobs.metrics(finished.id, { limit }).all()
    const past = await trainingJobs.pastEvents(finished.id, { after: 2, limit }).all()

    expect(metrics.map(({ step }) => step)).toEqual(range(STEPS))
    for (const { values } of metrics) expect(values.total).toBeGreaterThan(0)
    expect(past).toEqual(happenings.filter(({ id }) => id > 2))
  })

  test('have checkpoints that are saved to a file that is not there yet', async () => {
    const file = join(folder, 'checkpoint.tar')
    const checkpoints = await client.trainingJobs.checkpoints(finished.id)
    const download = () => client.trainingJobs.download(finished.id, checkpoints[0]?.id ?? '')

    await saveTo(file, download())

    expect(checkpoints.map(({ step }) => step)).toEqual([STEPS, STEPS / 2])
    const name = `${checkpoints[0]?.id}/`
    expect((await readFile(file)).subarray(0, name.length).toString()).toBe(name)
    await expect(saveTo(file, download())).rejects.toThrow('EEXIST')
  })

  test('that are not there are a typed error', async () => {
    await expect(client.trainingJobs.read(NO_JOB)).rejects.toMatchObject({
      name: 'ApiError',
      code: 'job_not_found',
    })
  })
})

test('models are read, activated, deactivated and deleted', async () => {
  const { models } = client
  const id = finished.model ?? ''

  const read = await models.read(id)
  const activated = await models.activate(id, { default: true })
  await models.activate('tiny', { default: true })
  const deactivated = await models.deactivate(id)
  await models.delete(id)

  expect(read).toMatchObject({ status: 'inactive', training_job: finished.id })
  expect(activated).toMatchObject({ status: 'active', default: true })
  expect(deactivated).toMatchObject({ status: 'inactive', default: false })
  expect((await models.list()).map((model) => model.id)).not.toContain(id)
})

async function restart(): Promise<void> {
  const { port } = new URL(await server.address())
  server.signal('SIGKILL')
  await server.exited
  await start(port)
}

function stepsOf(events: readonly TrainingEvent[]): unknown[] {
  return events.filter(({ type }) => type === 'metrics').map(({ data }) => data.step)
}

/** From 1 to `last`. */
function range(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1)
}
