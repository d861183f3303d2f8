import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { Dataset, DatasetDetails } from '../../../schemas/index.ts'
import { tarOf, zipOf } from '../../helpers/archives.ts'
import { datasetFiles, sendArchive, sendDataset } from '../../helpers/datasets.ts'
import { Latch } from '../../helpers/fake-worker.ts'
import { type Gateway, openGateway } from '../../helpers/gateway.ts'
import { postForm, postJson } from '../../helpers/requests.ts'
import { until } from '../../worker-bridge/fixtures/processes.ts'

const SOON = (): AbortSignal => AbortSignal.timeout(30_000)

let gateway: Gateway

beforeEach(async () => {
  gateway = await openGateway()
})

afterEach(() => gateway.close())

/** What the store has on disk. */
async function stored({ config }: Gateway = gateway): Promise<string[]> {
  return readdir(join(config.data_dir, 'datasets'))
}

describe('POST /v1/datasets', () => {
  test('keeps what an archive has, and then validates it', async () => {
    const reply = await sendArchive(gateway, undefined, { name: 'my pictures' })
    const created = Dataset.parse(reply.json())
    await gateway.datasets.validated(created.id, SOON())
    const found = await gateway.app.inject(`/v1/datasets/${created.id}`)

    expect(reply.statusCode).toBe(201)
    expect(reply.headers.location).toBe(`/v1/datasets/${created.id}`)
    expect(created).toMatchObject({ name: 'my pictures', status: 'validating', root: null })
    expect(DatasetDetails.parse(found.json())).toEqual({
      ...created,
      status: 'ready',
      counts: {
        images: 1,
        captions: 1,
        placed_captions: 0,
        phrases: 0,
        masks: 0,
        regions: 0,
      },
      samples: [
        {
          image: 'a.png',
          width: 40,
          height: 30,
          captions: ['a red picture'],
          phrases: [],
          regions: [],
        },
      ],
      errors: [],
    })
    expect(await stored()).toEqual([created.id])
  })

  test('gives the same files the same name, however they are packed', async () => {
    const files = datasetFiles()
    const first = (await sendArchive(gateway, tarOf(files), { name: 'first' })).json()

    const others = [gzipSync(tarOf(files)), zipOf(files)]
    const replies = await Promise.all(others.map((archive) => sendArchive(gateway, archive)))

    for (const reply of replies) {
      expect(reply.statusCode).toBe(201)
      expect(reply.json()).toMatchObject({ id: first.id, name: 'first' })
    }
    expect(await stored()).toEqual([first.id])
  })

  test('takes the name before the archive and behind it', async () => {
    const form = new FormData()
    form.append('archive', new Blob([new Uint8Array(tarOf(datasetFiles()))]), 'x')
    form.append('name', 'behind')

    const reply = await postForm(gateway, '/v1/datasets', form)

    expect(reply.json()).toMatchObject({ name: 'behind' })
  })

  test('says every fault with its file and its line', async () => {
    const data = '{"image": "a.png", "captions": [{"caption": "a"}]}\n{\n{"image": "b.png"}\n'

    const dataset = await sendDataset(gateway, data)

    expect(dataset).toMatchObject({
      status: 'invalid',
      error_count: 2,
      counts: { images: 1 },
      errors: [
        { file: 'data.jsonl', line: 2, message: expect.stringContaining('no valid JSON') },
        { file: 'data.jsonl', line: 3, message: expect.stringContaining('says nothing') },
      ],
    })
  })

  test('says which image cannot be decoded', async () => {
    const [data, image] = datasetFiles()
    const damaged = Buffer.from(image?.data ?? '').fill(0, 60)
    const { id } = (
      await sendArchive(
        gateway,
        tarOf([data, { name: 'images/a.png', data: damaged }].flatMap((file) => file ?? [])),
      )
    ).json()
    await gateway.datasets.validated(id, SOON())

    expect(await gateway.datasets.read(id)).toMatchObject({
      status: 'invalid',
      errors: [{ line: 1, message: expect.stringMatching(/^images\/a.png: the file is not a/) }],
    })
  })

  test.each<[string, Record<string, string>, Buffer | undefined, string]>([
    ['no archive', { name: 'x' }, undefined, '/archive'],
    ['an archive that is text', { archive: 'x' }, undefined, '/archive'],
    ['an unknown part', { colour: 'red' }, tarOf(datasetFiles()), '/colour'],
    ['a name that is too long', { name: 'x'.repeat(101) }, tarOf(datasetFiles()), '/name'],
  ])('refuses a form with %s', async (_, fields, archive, pointer) => {
    const form = new FormData()
    for (const [name, value] of Object.entries(fields)) form.append(name, value)
    if (archive) form.append('archive', new Blob([new Uint8Array(archive)]), 'x')

    const reply = await postForm(gateway, '/v1/datasets', form)

    expect(reply.json()).toMatchObject({ code: 'invalid_request', errors: [{ pointer }] })
    expect(await stored()).toEqual([])
  })

  test('refuses two archives', async () => {
    const form = new FormData()
    for (const _ of [1, 2]) {
      form.append('archive', new Blob([new Uint8Array(tarOf(datasetFiles()))]), 'x')
    }

    const reply = await postForm(gateway, '/v1/datasets', form)

    expect(reply.json()).toMatchObject({ code: 'invalid_request' })
    expect(await stored()).toEqual([])
  })

  test.each<[string, Buffer, number, string]>([
    ['hostile', tarOf([{ name: '../x' }]), 422, 'archive_unsafe'],
    ['hostile in the middle', tarOf([...datasetFiles(), { name: '../x' }]), 422, 'archive_unsafe'],
    ['no archive', Buffer.from('x'), 422, 'archive_unreadable'],
    ['cut short', tarOf(datasetFiles()).subarray(0, 700), 422, 'archive_unreadable'],
    ['a damaged zip', zipOf(datasetFiles()).subarray(0, 100), 422, 'archive_unreadable'],
  ])('refuses what is %s and leaves nothing on disk', async (_, archive, status, code) => {
    const reply = await sendArchive(gateway, archive)

    expect(reply.statusCode).toBe(status)
    expect(reply.json()).toMatchObject({ code })
    expect(await stored()).toEqual([])
  })

  test('refuses another body', async () => {
    const reply = await gateway.app.inject({
      method: 'POST',
      url: '/v1/datasets',
      payload: tarOf(datasetFiles()),
      headers: { 'content-type': 'application/x-tar' },
    })

    expect(reply.json()).toMatchObject({ code: 'body_unsupported' })
  })

  test('refuses JSON that is longer than any other, whatever archives may have', async () => {
    const reply = await postJson(gateway, '/v1/datasets', { root: 'x'.repeat(2 ** 20) })

    expect(reply.json()).toMatchObject({ code: 'body_too_large' })
  })
})

describe('limits', () => {
  test.each<[Record<string, string>, number, string]>([
    [{ PIXELLLM_MAX_DATASET_BYTES: '1024' }, 413, 'archive_too_large'],
    [{ PIXELLLM_MAX_DATASET_FILES: '1' }, 413, 'archive_too_large'],
    [{ PIXELLLM_DATASET_STORE_BYTES: '50' }, 507, 'storage_full'],
  ])('of %j are kept', async (settings, status, code) => {
    const small = await openGateway(settings)

    const reply = await sendArchive(small)

    expect(reply.statusCode).toBe(status)
    expect(reply.json()).toMatchObject({ code })
    expect(await stored(small)).toEqual([])
    await small.close()
  })

  test('of time end a check, which makes the dataset invalid', async () => {
    const hasty = await openGateway({ PIXELLLM_DATASET_CHECK_TIMEOUT_MS: '1' })

    const dataset = await sendDataset(hasty)

    expect(dataset).toMatchObject({
      status: 'invalid',
      counts: null,
      errors: [{ line: null, message: 'the check took longer than 0.001 s' }],
    })
    await hasty.close()
  })
})

describe('an upload', () => {
  let url: URL

  beforeEach(async () => {
    url = new URL(await gateway.app.listen({ host: '127.0.0.1', port: 0 }))
  })

  /** Sends the beginning of an archive and not its end. */
  function send(): Socket {
    const socket = connect(Number(url.port), '127.0.0.1')
    const part = 'Content-Disposition: form-data; name="archive"; filename="x"'
    socket.write(
      'POST /v1/datasets HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n' +
        `Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n${part}\r\n\r\n`,
    )
    socket.write(tarOf(datasetFiles()).subarray(0, 1200))
    return socket
  }

  test('that is broken off leaves nothing on disk', async () => {
    const socket = send()
    await until(async () => (await stored()).length > 0)

    socket.destroy()
    await until(async () => (await stored()).length === 0)

    expect(gateway.log.filter(({ level }) => Number(level) >= 50)).toEqual([])
  })

  test('that is broken off before it is read leaves nothing on disk', async () => {
    const ended = new Latch()
    const early = await openGateway()
    early.app.addHook(
      'preHandler',
      ({ raw }) => new Promise((resolve) => raw.once('close', resolve)),
    )
    early.app.addHook('onError', async () => ended.open())
    url = new URL(await early.app.listen({ host: '127.0.0.1', port: 0 }))
    const received = new Promise((resolve) => early.app.server.once('request', resolve))
    const socket = send()
    await received

    socket.destroy()
    await ended.opened

    expect(await stored(early)).toEqual([])
    await early.close()
  })

  test('is answered although it is refused before its end', async () => {
    const form = new FormData()
    const bad = tarOf([{ name: '../x' }, { name: 'images/y', data: Buffer.alloc(20 * 2 ** 20) }])
    form.append('archive', new Blob([new Uint8Array(bad)]), 'x')

    const reply = await fetch(new URL('/v1/datasets', url), { method: 'POST', body: form })

    expect(await reply.json()).toMatchObject({ code: 'archive_unsafe' })
  })
})

describe('a registered root', () => {
  let folder: string
  let registered: Gateway

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pixelllm-root-'))
    const [data, image] = datasetFiles()
    await writeFile(join(folder, 'data.jsonl'), data?.data ?? '')
    await writeFile(join(folder, 'notes.txt'), 'no part of it')
    await mkdir(join(folder, 'pictures'))
    await writeFile(join(folder, 'pictures/a.png'), image?.data ?? '')
    // As operators do; and a circle, which is not followed.
    await symlink('pictures', join(folder, 'images'))
    await symlink('..', join(folder, 'pictures/up'))
    registered = await openGateway({ PIXELLLM_DATASET_ROOTS: `mine=${folder}` })
  })

  afterEach(async () => {
    await registered.close()
    await rm(folder, { recursive: true })
  })

  test('becomes a dataset where it lies, and keeps its files', async () => {
    const reply = await postJson(registered, '/v1/datasets', { root: 'mine', name: 'm' })
    const { id } = Dataset.parse(reply.json())
    const found = await registered.datasets.validated(id, SOON())
    const deleted = await registered.app.inject({ method: 'DELETE', url: `/v1/datasets/${id}` })

    expect(reply.statusCode).toBe(201)
    expect(reply.json()).toMatchObject({ root: 'mine', name: 'm' })
    expect(found).toEqual({ status: 'ready', error_count: 0, folder })
    expect(deleted.statusCode).toBe(204)
    expect(await readdir(folder)).toContain('data.jsonl')
  })

  test.each(['other', '/etc', '..', '.'])(
    'is named by its id and nothing else: %s',
    async (root) => {
      const reply = await postJson(registered, '/v1/datasets', { root })

      expect(reply.statusCode).toBe(404)
      expect(reply.json()).toMatchObject({ code: 'dataset_not_found' })
    },
  )
})

describe('GET /v1/datasets', () => {
  test('lists the newest first, a page at a time', async () => {
    const ids: string[] = []
    for (const caption of ['a', 'b', 'c']) {
      ids.unshift((await sendDataset(gateway, { image: 'a.png', captions: [{ caption }] })).id)
    }

    const first = (await gateway.app.inject('/v1/datasets?limit=2')).json()
    const second = (await gateway.app.inject(`/v1/datasets?limit=2&after=${ids[1]}`)).json()

    expect(first.datasets.map(({ id }: Dataset) => id)).toEqual(ids.slice(0, 2))
    expect(first.has_more).toBe(true)
    expect(second.datasets.map(({ id }: Dataset) => id)).toEqual(ids.slice(2))
    expect(second.has_more).toBe(false)
  })

  test.each(['limit=0', 'limit=x', 'after=nothing', 'colour=red'])('refuses %s', async (query) => {
    const reply = await gateway.app.inject(`/v1/datasets?${query}`)

    expect(reply.json()).toMatchObject({ code: 'invalid_request' })
  })
})

describe('DELETE /v1/datasets/{id}', () => {
  test('deletes it, also while it is validated', async () => {
    const { id } = (await sendArchive(gateway)).json()
    const waiting = gateway.datasets.validated(id, SOON())

    const reply = await gateway.app.inject({ method: 'DELETE', url: `/v1/datasets/${id}` })

    expect(reply.statusCode).toBe(204)
    expect(await waiting).toBeUndefined()
    expect(await stored()).toEqual([])
    expect((await gateway.app.inject(`/v1/datasets/${id}`)).json()).toMatchObject({
      code: 'dataset_not_found',
    })
  })

  test.each([`ds_${'0'.repeat(32)}`, 'x', '..%2f..'])('knows no %s', async (id) => {
    const reply = await gateway.app.inject({ method: 'DELETE', url: `/v1/datasets/${id}` })

    expect([400, 404]).toContain(reply.statusCode)
  })
})
