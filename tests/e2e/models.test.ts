/** A model that was trained here, from its folder to its answers, in a server of its own. */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { type Model, PixelLLM } from '../../sdk/src/index.ts'
import { TrainedCheckpoint } from '../helpers/checkpoints.ts'
import { ServerProcess } from '../helpers/server-process.ts'

// Python imports torch and loads the models in each server, on a machine that does much else.
jest.setTimeout(180_000)

const ID = 'tiny-ft-00000001'
const image = new Uint8Array(await readFile('samples/street.png'))

let data: string
let server: ServerProcess
let client: PixelLLM

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'pixelllm-data-'))
  const trained = await TrainedCheckpoint.write(ID, 'tiny')
  await mkdir(join(data, 'models'))
  await cp(trained.source.folder, join(data, 'models', ID), { recursive: true })
  await trained.delete()
  await start()
})

afterAll(async () => {
  await ServerProcess.killAll()
  await rm(data, { recursive: true, force: true })
})

async function start(): Promise<void> {
  server = await ServerProcess.start({ PIXELLLM_DATA_DIR: data })
  client = new PixelLLM({ baseUrl: await server.address() })
}

async function restart(): Promise<void> {
  server.signal('SIGTERM')
  await server.exited
  await start()
}

async function trained(): Promise<Model | undefined> {
  return (await client.models.list()).find(({ id }) => id === ID)
}

test('it is listed, and not asked before it is active', async () => {
  expect(await trained()).toMatchObject({ status: 'inactive', base_model: 'tiny', device: null })
  await expect(client.caption(image, { model: ID })).rejects.toMatchObject({
    code: 'model_inactive',
  })
})

test('active, it answers beside its base, and by default where that is asked for', async () => {
  const before = await client.caption(image)
  const activated = await client.models.activate(ID, { default: true })
  const [other, base] = await Promise.all([
    client.caption(image),
    client.caption(image, { model: 'tiny' }),
  ])

  expect(activated).toMatchObject({ status: 'active', default: true, device: 'cpu' })
  expect(other.model).toBe(ID)
  expect(other.words[0]?.box).not.toEqual(before.words[0]?.box)
  expect(base).toMatchObject({ model: 'tiny', caption: before.caption, words: before.words })
})

test('it stays active and the default over a start', async () => {
  await restart()

  expect(await trained()).toMatchObject({ status: 'active', default: true })
  expect((await client.caption(image)).model).toBe(ID)
})

test('damaged, it says why it cannot be loaded, and the base answers on', async () => {
  await writeFile(join(data, 'models', ID, 'delta.safetensors'), 'no weights')
  await restart()

  expect(await trained()).toMatchObject({ status: 'failed', error: expect.any(String) })
  expect((await client.caption(image, { model: 'tiny' })).model).toBe('tiny')
  await expect(client.caption(image)).rejects.toMatchObject({ code: 'model_unavailable' })
})
