import { execFileSync, spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { pino } from 'pino'
import { loadConfig } from '../../../api/config.ts'
import { type DatasetStore, openDatasets } from '../../../api/datasets/index.ts'
import { sendArchive, sendDataset } from '../../helpers/datasets.ts'
import { type Gateway, openGateway } from '../../helpers/gateway.ts'

const SOON = (): AbortSignal => AbortSignal.timeout(30_000)

let gateway: Gateway
let directory: string

beforeEach(async () => {
  gateway = await openGateway()
  directory = join(gateway.config.data_dir, 'datasets')
})

afterEach(() => gateway.close())

/** Another store on the same folder, as after a start. */
async function reopen(settings: Record<string, string> = {}): Promise<DatasetStore> {
  const config = loadConfig({ PIXELLLM_DATA_DIR: gateway.config.data_dir, ...settings })
  return openDatasets(config, pino({ enabled: false }))
}

test('a start goes on with what was not validated', async () => {
  const { id } = (await sendArchive(gateway)).json()
  await gateway.datasets.close()
  const [before] = (await gateway.datasets.list({ limit: 1 })).datasets

  const store = await reopen()
  const found = await store.validated(id, SOON())

  expect(before).toMatchObject({ id, status: 'validating' })
  expect(found).toMatchObject({ status: 'ready' })
  await store.close()
})

test('a start does not validate again', async () => {
  const { id } = await sendDataset(gateway)

  const store = await reopen({ PIXELLLM_WORKER_PYTHON: '/nowhere' })

  expect(await store.validated(id, SOON())).toMatchObject({ status: 'ready' })
  await store.close()
})

test('a check that cannot be begun leaves the dataset to be validated', async () => {
  const broken = await openGateway({ PIXELLLM_WORKER_PYTHON: '/nowhere' })
  const { id } = (await sendArchive(broken)).json()

  await expect(broken.datasets.validated(id, SOON())).rejects.toThrow('cannot be started')

  expect(await broken.datasets.find(id)).toMatchObject({ status: 'validating' })
  expect(broken.log).toContainEqual(expect.objectContaining({ msg: 'a check failed' }))
  await broken.close()
})

test('whoever waits stops with the signal', async () => {
  const { id } = (await sendArchive(gateway)).json()
  const stop = new AbortController()
  const waiting = gateway.datasets.validated(id, stop.signal)

  stop.abort(new Error('enough'))

  await expect(waiting).rejects.toThrow('enough')
})

test('a start clears away what was never finished, but not what another process receives', async () => {
  for (const name of ['.new-1-x', `.new-${Date.now()}-x`, '.gone-x']) {
    await mkdir(join(directory, name))
    await writeFile(join(directory, name, 'file'), '')
  }

  const store = await reopen()

  expect(await readdir(directory)).toEqual([expect.stringMatching(/^\.new-\d{13}-x$/)])
  await store.close()
})

test('two gateways have one folder', async () => {
  const store = await reopen()
  const { id } = await sendDataset(gateway)

  expect(await store.find(id)).toMatchObject({ status: 'ready' })
  await store.delete(id)
  expect(await gateway.datasets.find(id)).toBeUndefined()
  await store.close()
})

test('a root that is no longer registered is no dataset to train on', async () => {
  const root = await mkdtemp(join(tmpdir(), 'pixelllm-root-'))
  const store = await reopen({ PIXELLLM_DATASET_ROOTS: `mine=${root}` })
  const { id } = await store.register('mine', null, SOON())
  await store.close()

  expect(await gateway.datasets.find(id)).toBeUndefined()
  expect(await gateway.datasets.read(id)).toMatchObject({ root: 'mine' })
  await rm(root, { recursive: true })
})

/** A file system of its own, of a megabyte, in a name space of its own. */
const SMALL_DISK = ['-rm', 'sh', '-c', 'mount -t tmpfs -o size=1m tmpfs "$1" && shift && exec "$@"']
const describeWithDisk = hasNameSpaces() ? describe : describe.skip

function hasNameSpaces(): boolean {
  return spawnSync('unshare', [...SMALL_DISK, 'sh', tmpdir(), 'true']).status === 0
}

describeWithDisk('a full disk', () => {
  test.each(['tar', 'zip'])('is storage_full, and nothing is left of a %s', async (kind) => {
    const disk = await mkdtemp(join(tmpdir(), 'pixelllm-disk-'))
    const program = ['--import', 'tsx', 'tests/api/datasets/fixtures/fill-disk.ts', disk, kind]

    const said = execFileSync(
      'unshare',
      [...SMALL_DISK, 'sh', disk, process.execPath, ...program],
      { encoding: 'utf8' },
    )

    expect(JSON.parse(said)).toEqual({ status: 507, code: 'storage_full', left: [] })
    await rm(disk, { recursive: true })
  })
})
