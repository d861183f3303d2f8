import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { LightMyRequestResponse } from 'fastify'
import { Model, ModelList } from '../../schemas/index.ts'
import { WorkerError } from '../../worker-bridge/index.ts'
import { writeTrainedModel } from '../helpers/fake-model-host.ts'
import { Latch, tinyModel } from '../helpers/fake-worker.ts'
import { formWith } from '../helpers/forms.ts'
import { type Gateway, openGateway } from '../helpers/gateway.ts'
import { pngBytes } from '../helpers/pictures.ts'
import { postForm } from '../helpers/requests.ts'
import { until } from '../worker-bridge/fixtures/processes.ts'

const OLD = 'tiny-old-00000001'
const NEW = 'tiny-new-00000002'
const png = await pngBytes()

let gateway: Gateway

beforeEach(async () => {
  gateway = await openGateway()
  await writeTrainedModel(gateway.config.data_dir, { id: OLD, created_at: '2026-01-01T00:00:00Z' })
  await writeTrainedModel(gateway.config.data_dir, { id: NEW, created_at: '2026-02-01T00:00:00Z' })
})

afterEach(() => gateway.close())

async function list(): Promise<Model[]> {
  return ModelList.parse((await gateway.app.inject('/v1/models')).json()).models
}

async function post(id: string, verb: string, payload?: object): Promise<LightMyRequestResponse> {
  const url = `/v1/models/${id}/${verb}`
  return gateway.app.inject({ method: 'POST', url, ...(payload && { payload }) })
}

async function activate(id: string, payload?: object): Promise<LightMyRequestResponse> {
  return post(id, 'activate', payload)
}

async function remove(id: string): Promise<LightMyRequestResponse> {
  return gateway.app.inject({ method: 'DELETE', url: `/v1/models/${id}` })
}

/** The model that answers a caption, or the problem. */
async function ask(model?: string): Promise<Record<string, unknown>> {
  const form = formWith(png, model === undefined ? {} : { model })
  return (await postForm(gateway, '/v1/caption', form)).json()
}

/** What is written down about which models are active. */
async function written(): Promise<unknown> {
  return JSON.parse(await readFile(join(gateway.config.data_dir, 'models/active.json'), 'utf8'))
}

describe('GET /v1/models', () => {
  test("lists the server's own model, and then the newest", async () => {
    const models = await list()

    expect(models[0]).toEqual({
      ...tinyModel,
      status: 'active',
      default: true,
      base_model: null,
      training_job: null,
      created_at: null,
      bytes: null,
      error: null,
    })
    expect(models.slice(1)).toMatchObject([
      { id: NEW, status: 'inactive', default: false, device: null, base_model: 'tiny' },
      { id: OLD, status: 'inactive', default: false, dtype: null, error: null },
    ])
    expect(models[1]?.bytes).toBeGreaterThan(1000)
  })

  test('lists none of its own while it is loaded', async () => {
    gateway.worker.models = []

    expect((await list()).map(({ id }) => id)).toEqual([NEW, OLD])
  })

  test('leaves out what cannot be read as a model, and logs it', async () => {
    const folder = join(gateway.config.data_dir, 'models')
    for (const name of ['broken', 'other-name', '.new-1', 'empty']) await mkdir(join(folder, name))
    await writeFile(join(folder, 'broken/model.json'), '{')
    const other = await readFile(join(folder, NEW, 'model.json'))
    await writeFile(join(folder, 'other-name/model.json'), other)

    expect(await list()).toHaveLength(3)
    expect(gateway.log).toContainEqual(expect.objectContaining({ model: 'broken' }))
    expect(gateway.log).toContainEqual(expect.objectContaining({ model: 'other-name' }))
  })
})

test.each(['tiny', OLD])('GET /v1/models/{id} looks up %s', async (id) => {
  const reply = await gateway.app.inject(`/v1/models/${id}`)

  expect(Model.parse(reply.json())).toEqual((await list()).find((model) => model.id === id))
})

test.each(['x', '..', '..%2fmodels', '.', 'active.json', 'a%00b'])(
  'no route knows a model %s',
  async (id) => {
    for (const [method, verb] of [
      ['GET', ''],
      ['DELETE', ''],
      ['POST', '/activate'],
      ['POST', '/deactivate'],
    ] as const) {
      const reply = await gateway.app.inject({ method, url: `/v1/models/${id}${verb}` })
      expect([400, 404, 405]).toContain(reply.statusCode)
    }
    expect(await list()).toHaveLength(3)
  },
)

describe('activating', () => {
  test('loads a model, which then can be asked', async () => {
    const reply = await activate(OLD)

    expect(Model.parse(reply.json())).toMatchObject({ id: OLD, status: 'active', device: 'cpu' })
    expect(gateway.host.orders).toEqual([`load ${OLD}`, `loaded ${OLD}`])
    expect(await ask(OLD)).toMatchObject({ model: OLD })
    expect(await ask()).toMatchObject({ model: 'tiny' })
    expect(await written()).toEqual({ active: [OLD], default: null })
  })

  test('makes it the default where that is asked for', async () => {
    const reply = await activate(OLD, { default: true })

    expect(reply.json()).toMatchObject({ default: true })
    expect(await ask()).toMatchObject({ model: OLD })
    expect((await list()).map((model) => model.default)).toEqual([false, false, true])
  })

  test("gives the default back to the server's own model", async () => {
    await activate(OLD, { default: true })

    await activate('tiny', { default: true })

    expect(await ask()).toMatchObject({ model: 'tiny' })
    expect(await written()).toEqual({ active: [OLD], default: null })
  })

  test('twice is the same as once', async () => {
    await activate(OLD)
    const reply = await activate(OLD)

    expect(reply.statusCode).toBe(200)
    expect(await written()).toEqual({ active: [OLD], default: null })
  })

  test('is done one at a time', async () => {
    const latch = new Latch()
    gateway.host.before = () => latch.opened
    const both = [activate(OLD), activate(NEW)]
    await until(() => gateway.host.orders.length > 0)
    latch.open()
    await Promise.all(both)

    expect(gateway.host.orders).toEqual([
      `load ${OLD}`,
      `loaded ${OLD}`,
      `load ${NEW}`,
      `loaded ${NEW}`,
    ])
    expect(await written()).toEqual({ active: [OLD, NEW], default: null })
  })

  test('shows why a model cannot be loaded, until it can', async () => {
    gateway.host.before = async () => {
      throw new WorkerError('model_unavailable', 'its weights are damaged')
    }
    const failed = await activate(OLD)
    const shown = await gateway.app.inject(`/v1/models/${OLD}`)
    gateway.host.before = async () => {}
    const mended = await activate(OLD)

    expect(failed.json()).toMatchObject({
      code: 'model_unavailable',
      detail: 'its weights are damaged',
    })
    expect(shown.json()).toMatchObject({ status: 'failed', error: 'its weights are damaged' })
    expect(mended.json()).toMatchObject({ status: 'active', error: null })
  })

  test('shows why the workers leave a model out that is active', async () => {
    await activate(OLD)
    gateway.worker.models = [tinyModel]
    gateway.worker.faults = new Map([[OLD, 'the worker died of it']])
    const shown = await gateway.app.inject(`/v1/models/${OLD}`)
    await post(OLD, 'deactivate')
    const given_up = await gateway.app.inject(`/v1/models/${OLD}`)

    expect(shown.json()).toMatchObject({ status: 'failed', error: 'the worker died of it' })
    expect(given_up.json()).toMatchObject({ status: 'inactive', error: null })
  })

  test('fails for a model that was trained from another one', async () => {
    await writeTrainedModel(gateway.config.data_dir, { id: 'big-1', base_model: 'big' })

    const reply = await activate('big-1')

    expect(reply.json()).toMatchObject({
      code: 'model_unavailable',
      detail: expect.stringContaining('big-1 was trained from big, and this server runs tiny'),
    })
    expect(gateway.host.orders).toEqual([])
    expect((await gateway.app.inject('/v1/models/big-1')).json()).toMatchObject({
      status: 'failed',
    })
  })

  test('leaves a model unloaded where it cannot be written down', async () => {
    await mkdir(join(gateway.config.data_dir, 'models/active.json'))

    const reply = await activate(OLD)

    expect(reply.statusCode).toBe(500)
    expect(gateway.host.orders.at(-1)).toBe(`unload ${OLD}`)
  })

  test('is no model that is missing while the server has not loaded its own', async () => {
    gateway.worker.models = []

    await expect(gateway.models.find('tiny')).rejects.toMatchObject({ code: 'worker_unavailable' })
    expect(await gateway.models.find(OLD)).toMatchObject({ folder: expect.any(String) })
    gateway.worker.models = [tinyModel]
    expect(await gateway.models.find('tiny')).toEqual({ folder: null })
    expect(await gateway.models.find('other')).toBeUndefined()
  })

  test('has to wait for the server to have its own model', async () => {
    gateway.worker.models = []

    expect((await activate(OLD)).json()).toMatchObject({ code: 'worker_unavailable' })
  })

  test.each([[{ default: 'yes' }], [{ colour: 1 }]])('refuses %j', async (payload) => {
    expect((await activate(OLD, payload)).json()).toMatchObject({ code: 'invalid_request' })
  })
})

describe('deactivating', () => {
  test('lets go of a model', async () => {
    await activate(OLD)

    const reply = await post(OLD, 'deactivate')

    expect(reply.json()).toMatchObject({ status: 'inactive' })
    expect(gateway.host.orders.at(-1)).toBe(`unload ${OLD}`)
    expect(await written()).toEqual({ active: [], default: null })
    expect(await ask(OLD)).toMatchObject({ code: 'model_inactive' })
  })

  test("is refused for the default and for the server's own model", async () => {
    await activate(OLD, { default: true })

    for (const id of [OLD, 'tiny']) {
      const reply = await post(id, 'deactivate')
      expect(reply.statusCode).toBe(409)
      expect(reply.json()).toMatchObject({ code: 'in_use' })
    }
  })

  test('is done where there is nothing to do', async () => {
    const reply = await post(OLD, 'deactivate')

    expect(reply.json()).toMatchObject({ status: 'inactive' })
    expect(gateway.host.orders).toEqual([])
  })
})

describe('deleting', () => {
  test('deletes a model that is not active', async () => {
    const reply = await remove(OLD)

    expect(reply.statusCode).toBe(204)
    expect((await list()).map(({ id }) => id)).toEqual(['tiny', NEW])
    expect(await readdir(join(gateway.config.data_dir, 'models'))).toEqual([NEW])
  })

  test('is refused for those that are active', async () => {
    await activate(OLD)

    for (const id of [OLD, 'tiny']) {
      expect((await remove(id)).json()).toMatchObject({ code: 'in_use' })
    }
  })
})

describe('a request', () => {
  test('for a model that is not active says so', async () => {
    expect(await ask(OLD)).toMatchObject({
      status: 409,
      code: 'model_inactive',
      detail: expect.stringContaining(`POST /v1/models/${OLD}/activate`),
    })
  })

  test('for a model that is not there says so', async () => {
    expect(await ask('x')).toMatchObject({ status: 404, code: 'model_not_found' })
  })

  test('is not answered by another model where the default cannot be loaded', async () => {
    await activate(OLD, { default: true })
    await gateway.host.unload(OLD)
    gateway.host.before = async () => {
      throw new WorkerError('model_unavailable', 'its weights are damaged')
    }
    await gateway.models.restore()

    expect(await ask()).toMatchObject({
      code: 'model_unavailable',
      detail: expect.stringContaining('its weights are damaged'),
    })
    expect(await ask('tiny')).toMatchObject({ model: 'tiny' })
  })
})

test('a start finds out why a model was not loaded, and loads it where it can', async () => {
  await activate(OLD)
  await activate(NEW)
  for (const id of [OLD, NEW]) await gateway.host.unload(id)
  await rm(join(gateway.config.data_dir, 'models', OLD), { recursive: true })

  await gateway.models.restore()

  expect(await list()).toMatchObject([{ id: 'tiny' }, { id: NEW, status: 'active' }])
  expect(await written()).toEqual({ active: [OLD, NEW], default: null })
})
