import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { LightMyRequestResponse } from 'fastify'
import { extract } from 'tar-stream'
import { newJobId } from '../../api/training/job-id.ts'
import { Problem, TrainingJob, TrainingJobList } from '../../schemas/index.ts'
import { WorkerError } from '../../worker-bridge/index.ts'
import { DATASET, queueReady, runOf, untilStatus } from '../helpers/training.ts'
import { openTrainingGateway, type TrainingGateway } from '../helpers/training-gateway.ts'

const URL = '/v1/training-jobs'
const body = { recipe: 'ref', dataset: DATASET }

let gateway: TrainingGateway

beforeAll(async () => {
  gateway = await openTrainingGateway()
  await queueReady(gateway)
})

afterAll(() => gateway.close())

function post(
  url: string,
  payload?: object,
  headers: Record<string, string> = {},
): Promise<LightMyRequestResponse> {
  return gateway.app.inject({ method: 'POST', url, ...(payload && { payload }), headers })
}

async function finishedJob(): Promise<TrainingJob> {
  const { id } = (await post(URL, body)).json()
  return untilStatus(gateway, await runOf(gateway, id), 'succeeded')
}

describe('POST /v1/training-jobs', () => {
  test('makes a job and says where it is', async () => {
    const reply = await post(URL, { ...body, name: 'cats', seed: 7, metadata: { by: 'me' } })

    const job = TrainingJob.parse(reply.json())
    expect(reply.statusCode).toBe(201)
    expect(reply.headers.location).toBe(`${URL}/${job.id}`)
    expect(job).toMatchObject({
      name: 'cats',
      base_model: 'tiny',
      seed: 7,
      metadata: { by: 'me' },
      hyperparameters: {},
    })
    const { model } = await untilStatus(gateway, await runOf(gateway, job.id), 'succeeded')
    expect(model).toBe(`tiny-cats-${job.id.slice(-8)}`)
  })

  test('asks the worker whether the recipe can be followed', async () => {
    gateway.models.set('mine', { folder: '/models/mine' })

    await post(URL, { ...body, base_model: 'mine', hyperparameters: { steps: 3 } })

    expect(gateway.workshop.plans.at(-1)).toEqual({
      recipe: 'ref',
      base_folder: '/models/mine',
      hyperparameters: { steps: 3 },
      seed: 0,
    })
  })

  test.each([
    [{}, 400, 'invalid_request'],
    [{ ...body, recipe: 'none' }, 400, 'invalid_request'],
    [{ ...body, name: 'Not This' }, 400, 'invalid_request'],
    [{ ...body, steps: 3 }, 400, 'invalid_request'],
    [{ ...body, dataset: `ds_${'1'.repeat(32)}` }, 404, 'dataset_not_found'],
    [{ ...body, base_model: 'large' }, 404, 'model_not_found'],
  ])('refuses %j', async (payload, status, code) => {
    const reply = await post(URL, payload)

    expect(Problem.parse(reply.json())).toMatchObject({ status, code })
  })

  test('refuses a form', async () => {
    const headers = { 'content-type': 'multipart/form-data; boundary=x' }

    const reply = await gateway.app.inject({ method: 'POST', url: URL, payload: '--x--', headers })

    expect(reply.json()).toMatchObject({ code: 'body_unsupported' })
  })

  test('refuses a dataset with errors, and says where they are', async () => {
    const dataset = `ds_${'2'.repeat(32)}`
    gateway.datasets.set(dataset, { status: 'invalid', folder: '/', error_count: 4 })

    const reply = await post(URL, { ...body, dataset })

    expect(reply.json()).toMatchObject({ status: 422, code: 'dataset_invalid' })
    expect(reply.json().detail).toContain(`4 errors: GET /v1/datasets/${dataset}`)
  })

  test('refuses what the worker refuses, and leaves no run', async () => {
    const before = await gateway.training.store.ids()
    gateway.workshop.refuse = new WorkerError('invalid_request', 'there is no setting stepz')

    const reply = await post(URL, body)
    gateway.workshop.refuse = undefined

    expect(reply.json()).toMatchObject({
      code: 'invalid_request',
      detail: expect.stringContaining('stepz'),
    })
    expect(await gateway.training.store.ids()).toEqual(before)
  })

  test('gives the same job for the same key', async () => {
    const headers = { 'idempotency-key': 'one' }

    const replies = await Promise.all([1, 2, 3, 4].map(() => post(URL, body, headers)))
    const later = await post(URL, body, headers)
    const other = await post(URL, { ...body, seed: 1 }, headers)

    const ids = [...replies, later].map((reply) => reply.json().id)
    expect(new Set(ids).size).toBe(1)
    expect(later.statusCode).toBe(201)
    expect(other.json()).toMatchObject({ status: 409, code: 'idempotency_conflict' })
  })

  test('gives the same job for the same key also when its dataset is gone', async () => {
    const dataset = `ds_${'3'.repeat(32)}`
    const ready = gateway.datasets.get(DATASET)
    if (ready) gateway.datasets.set(dataset, ready)
    const headers = { 'idempotency-key': 'two' }
    const first = await post(URL, { ...body, dataset }, headers)

    gateway.datasets.delete(dataset)

    expect((await post(URL, { ...body, dataset }, headers)).json().id).toBe(first.json().id)
  })
})

describe('reading', () => {
  test('lists jobs, a page at a time and by status', async () => {
    const job = await finishedJob()

    const first = TrainingJobList.parse((await gateway.app.inject(`${URL}?limit=1`)).json())
    const [newest] = first.training_jobs
    const next = await gateway.app.inject(`${URL}?limit=1&after=${newest?.id}`)
    const paused = await gateway.app.inject(`${URL}?status=paused`)

    expect(newest).toEqual(job)
    expect(first.has_more).toBe(true)
    expect(next.json().training_jobs[0].id < job.id).toBe(true)
    expect(paused.json()).toEqual({ training_jobs: [], has_more: false })
  })

  test.each(['?limit=0', '?limit=x', '?after=x', '?status=done', '?page=2'])(
    'refuses the list %s',
    async (query) => {
      expect((await gateway.app.inject(URL + query)).json()).toMatchObject({
        code: 'invalid_request',
      })
    },
  )

  test('gives events in pages', async () => {
    const { id } = await finishedJob()

    const first = (await gateway.app.inject(`${URL}/${id}/events?limit=2`)).json()
    const rest = (await gateway.app.inject(`${URL}/${id}/events?after=2`)).json()

    expect(first.events.map((event: { id: number }) => event.id)).toEqual([1, 2])
    expect(first.has_more).toBe(true)
    expect(rest.has_more).toBe(false)
    expect(rest.events.at(-1)).toMatchObject({ type: 'status', data: { status: 'succeeded' } })
  })

  test('gives the curves in pages', async () => {
    const { id } = await finishedJob()
    const run = await runOf(gateway, id)
    const more = '{"step": 4, "validation loss": 2, "note": "x", "bad": null}\n{"step": 5, "to'
    await writeFile(join(run.folder, 'metrics.jsonl'), more, { flag: 'a' })

    const first = await gateway.app.inject(`${URL}/${id}/metrics?limit=3`)
    const rest = await gateway.app.inject(`${URL}/${id}/metrics?after=3`)

    expect(first.json().metrics.map(({ step }: { step: number }) => step)).toEqual([1, 2, 3])
    expect(first.json().has_more).toBe(true)
    expect(rest.json()).toEqual({
      metrics: [{ step: 4, values: { total: 0.25, 'validation loss': 2 } }],
      has_more: false,
    })
  })

  test('lists checkpoints and gives one as a tar', async () => {
    const { id } = await finishedJob()
    const run = await runOf(gateway, id)
    await mkdir(join(run.folder, 'checkpoints', 'step-00000009.new'))

    const list = await gateway.app.inject(`${URL}/${id}/checkpoints`)
    const archive = await gateway.app.inject(`${URL}/${id}/checkpoints/step-00000004`)

    expect(list.json().checkpoints).toEqual([
      expect.objectContaining({ id: 'step-00000004', step: 4, score: 0.25 }),
      expect.objectContaining({ id: 'step-00000002', step: 2, score: 0.5 }),
    ])
    expect(list.json().checkpoints[0].bytes).toBeGreaterThan(1000)
    expect(archive.headers['content-type']).toBe('application/x-tar')
    expect(await unpack(archive.rawPayload)).toEqual({
      'step-00000004/state.json': '{"step":4,"score":0.25}',
      'step-00000004/training.safetensors': '\x04'.repeat(1000),
    })
  })

  test.each([
    ['step-00000099', 404, 'checkpoint_not_found'],
    ['step-9', 400, 'invalid_request'],
    ['..%2f..', 400, 'invalid_request'],
  ])('has no checkpoint %s', async (name, status, code) => {
    const { id } = await finishedJob()

    const reply = await gateway.app.inject(`${URL}/${id}/checkpoints/${name}`)

    expect(reply.json()).toMatchObject({ status, code })
  })

  test('gives a checkpoint as nothing but a tar', async () => {
    const { id } = await finishedJob()

    const reply = await gateway.app.inject({
      url: `${URL}/${id}/checkpoints/step-00000004`,
      headers: { accept: 'application/zip' },
    })

    expect(reply.json()).toMatchObject({ status: 406, code: 'not_acceptable' })
  })
})

describe.each([
  ['GET', ''],
  ['GET', '/events'],
  ['GET', '/metrics'],
  ['GET', '/checkpoints'],
  ['GET', '/checkpoints/step-00000001'],
  ['POST', '/cancel'],
  ['POST', '/pause'],
  ['POST', '/resume'],
] as const)('%s /v1/training-jobs/{id}%s', (method, path) => {
  test('says that there is no such job', async () => {
    const reply = await gateway.app.inject({ method, url: `${URL}/${newJobId()}${path}` })

    expect(reply.json()).toMatchObject({ status: 404, code: 'job_not_found' })
  })

  test('says what an id looks like', async () => {
    const reply = await gateway.app.inject({ method, url: `${URL}/..%2fruns${path}` })

    expect(reply.json()).toMatchObject({ status: 400, errors: [{ pointer: '/id' }] })
  })
})

test('what has ended cannot be changed', async () => {
  const { id } = await finishedJob()

  for (const change of ['cancel', 'pause', 'resume']) {
    expect((await post(`${URL}/${id}/${change}`)).json()).toMatchObject({
      status: 409,
      code: 'job_conflict',
    })
  }
})

async function unpack(bytes: Uint8Array): Promise<Record<string, string>> {
  const files: Record<string, string> = {}
  for await (const entry of Readable.from([bytes]).pipe(extract())) {
    files[entry.header.name] = (await buffer(entry)).toString('latin1')
  }
  return files
}
