import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { PixelLLM } from '../../sdk/src/index.ts'
import { openFile, saveTo } from '../../sdk/src/node.ts'
import { dataset, FakeTrainingApi, happenings, job, model } from '../helpers/fake-training-api.ts'

let api: FakeTrainingApi
let client: PixelLLM

beforeEach(async () => {
  api = new FakeTrainingApi()
  client = new PixelLLM({ baseUrl: await api.open() })
})

afterEach(() => api.close())

async function collect<Entry>(entries: AsyncIterable<Entry>): Promise<Entry[]> {
  const all: Entry[] = []
  for await (const entry of entries) all.push(entry)
  return all
}

describe('datasets', () => {
  test('are sent with their name, and whole', async () => {
    const archive = crypto.getRandomValues(new Uint8Array(50_000))

    const sent = await client.datasets.upload(archive, { name: 'boats' })

    expect(sent).toEqual({ ...dataset, name: 'boats' })
    expect(api.asked[0]?.body.includes(Buffer.from(archive))).toBe(true)
  })

  test('say how far they are sent', async () => {
    const archive = new Blob([new Uint8Array(3_000_000)])
    const sent: number[] = []

    await client.datasets.upload(archive, {
      onProgress: (progress) => {
        expect(progress.total).toBe(3_000_000)
        sent.push(progress.sent)
      },
    })

    expect(sent.length).toBeGreaterThan(2)
    expect(sent).toEqual(sent.toSorted((a, b) => a - b))
    expect(sent.at(-1)).toBe(3_000_000)
    expect(api.asked[0]?.body.length).toBeGreaterThan(3_000_000)
  })

  test('are sent from a file', async () => {
    await client.datasets.upload(await openFile('samples/street.png'))

    expect(api.asked[0]?.body.includes(await readFile('samples/street.png'))).toBe(true)
  })

  test('are registered', async () => {
    const registered = await client.datasets.register({ root: 'scenes', name: 'boats' })

    expect(registered).toMatchObject({ root: 'scenes', name: 'boats' })
  })

  test('are listed over all pages', async () => {
    const ids = (await client.datasets.list().all()).map(({ id }) => id)

    expect(ids).toEqual([dataset.id, `ds_${'6a'.repeat(16)}`])
  })

  test('are waited for until they are validated', async () => {
    const { status, counts } = await client.datasets.wait(dataset.id)

    expect(status).toBe('ready')
    expect(counts?.phrases).toBe(3)
    expect(api.asked).toHaveLength(3)
  })

  test('are not waited for when the signal is aborted', async () => {
    api.looks = Number.POSITIVE_INFINITY
    const stop = new AbortController()

    const waited = client.datasets.wait(dataset.id, { signal: stop.signal })
    stop.abort(new Error('enough'))

    await expect(waited).rejects.toThrow('enough')
  })

  test('are deleted', async () => {
    await client.datasets.delete(dataset.id)

    expect(api.asked[0]).toMatchObject({ method: 'DELETE', path: `/v1/datasets/${dataset.id}` })
  })
})

describe('training jobs', () => {
  test('are created with a key of their own', async () => {
    const asked = { recipe: 'ref', dataset: dataset.id, hyperparameters: { steps: 2 } } as const

    const created = await client.trainingJobs.create(asked)

    expect(created).toEqual({ ...job, hyperparameters: { steps: 2 } })
    expect(api.asked[0]?.headers['idempotency-key']).toMatch(/^[0-9a-f]{32}$/)
  })

  test('are created with the key of the caller', async () => {
    const options = { idempotencyKey: 'mine' }

    await client.trainingJobs.create({ recipe: 'ref', dataset: dataset.id }, options)

    expect(api.asked[0]?.headers['idempotency-key']).toBe('mine')
  })

  test('are listed over all pages, by status', async () => {
    api.jobs = Array.from({ length: 5 }, (_, index) => ({
      ...job,
      id: `job_${`${index}`.padStart(26, '0')}`,
      status: index === 3 ? 'running' : 'queued',
    }))

    const queued = await collect(client.trainingJobs.list({ status: 'queued', limit: 2 }))

    expect(queued.map(({ id }) => Number(id.slice(4)))).toEqual([0, 1, 2, 4])
    expect(api.asked.map(({ query }) => query.get('limit'))).toEqual(['2', '2'])
  })

  test('are cancelled, paused and resumed', async () => {
    const { trainingJobs } = client

    const changed = [
      await trainingJobs.cancel(job.id),
      await trainingJobs.pause(job.id),
      await trainingJobs.resume(job.id),
    ]

    expect(changed.map(({ status }) => status)).toEqual(['cancelled', 'paused', 'queued'])
  })

  test('tell what happens until they have ended', async () => {
    const events = await collect(client.trainingJobs.events(job.id))

    expect(events).toEqual(happenings)
  })

  test('go on behind the last event when the connection breaks', async () => {
    api.breaks = [2, 0, 1]

    const events = await collect(client.trainingJobs.events(job.id, { after: 1 }))

    expect(events).toEqual(happenings.slice(1))
    const opened = api.asked.filter(({ path }) => path.endsWith('/events'))
    expect(opened.map(({ headers }) => headers['last-event-id'])).toEqual(['1', '4', '4', '5', '6'])
  })

  test('have told everything when they had ended before', async () => {
    api.jobs = [{ ...job, status: 'failed' }]

    const events = await collect(client.trainingJobs.events(job.id, { after: 6 }))

    expect(events).toEqual([])
  })

  test('are no longer followed when the signal is aborted', async () => {
    api.breaks = [0, 0, 0, 0, 0]
    const stop = new AbortController()

    const followed = collect(client.trainingJobs.events(job.id, { signal: stop.signal }))
    stop.abort(new Error('enough'))

    await expect(followed).rejects.toThrow('enough')
  })

  test('are waited for until they have ended', async () => {
    const ended = await client.trainingJobs.wait(job.id)

    expect(ended).toMatchObject({ status: 'succeeded', model: model.id })
  })

  test('have a past, curves and checkpoints', async () => {
    const { trainingJobs } = client

    const past = await trainingJobs.pastEvents(job.id, { after: 4 }).all()
    const metrics = await trainingJobs.metrics(job.id).all()
    const checkpoints = await trainingJobs.checkpoints(job.id)

    expect(past).toEqual(happenings.slice(3))
    expect(metrics.map(({ step }) => step)).toEqual([1, 2, 3])
    expect(checkpoints.map(({ id }) => id)).toEqual(['step-00000002', 'step-00000001'])
  })

  test('have checkpoints that are saved to a file that is not there yet', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'pixelllm-sdk-'))
    const file = join(folder, 'checkpoint.tar')
    const download = () => client.trainingJobs.download(job.id, 'step-00000002')

    await saveTo(file, download())

    expect(await readFile(file, 'utf8')).toBe('a tar')
    await expect(saveTo(file, download())).rejects.toThrow('EEXIST')
    await rm(folder, { recursive: true })
  })
})

describe('models', () => {
  test('are read, activated, deactivated and deleted', async () => {
    const { models } = client

    const read = await models.read(model.id)
    const activated = await models.activate(model.id, { default: true })
    const deactivated = await models.deactivate(model.id)
    await models.delete(model.id)

    expect([read.default, activated.default]).toEqual([false, true])
    expect(deactivated.status).toBe('inactive')
    expect(api.asked.at(-1)).toMatchObject({ method: 'DELETE', path: `/v1/models/${model.id}` })
  })
})
