import { chmod, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { Redis } from 'ioredis'
import { loadConfig } from '../../../api/config.ts'
import { findQueuePlace, placeSocket } from '../../../api/training/queue-place.ts'
import { QueueServer } from '../../../api/training/queue-server.ts'
import { logTo, openTraining, request } from '../../helpers/training.ts'
import { gone, until } from '../../worker-bridge/fixtures/processes.ts'

const { worker_python: python } = loadConfig({})

let folder: string
let lines: Record<string, unknown>[]
const servers: QueueServer[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelllm-queue-'))
  lines = []
})

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
  await rm(folder, { recursive: true, force: true })
})

async function start(interpreter = python): Promise<QueueServer> {
  const server = new QueueServer({ ...(await place()), python: interpreter, log: logTo(lines) })
  servers.push(server)
  return server
}

async function place(of = folder): Promise<{ folder: string; socket: string; name: string }> {
  const found = await findQueuePlace(of)
  return { ...found, socket: await placeSocket(found.folder) }
}

/** Asks the server of the folder, as soon as there is one. */
async function ask<T>(question: (client: Redis) => Promise<T>): Promise<T> {
  const { socket } = await place()
  const client = new Redis({
    path: socket,
    retryStrategy: () => 20,
    maxRetriesPerRequest: null,
    disconnectTimeout: 100,
  })
  client.on('error', () => {})
  try {
    return await question(client)
  } finally {
    client.disconnect()
  }
}

function said(pattern: RegExp): boolean {
  return lines.some(({ msg }) => pattern.test(String(msg)))
}

describe('the server of a data folder', () => {
  test('is started again with what it knew when it dies', async () => {
    const server = await start()
    await ask((client) => client.set('job', '1'))
    const { pid } = server

    process.kill(pid ?? 0, 'SIGKILL')
    await gone(pid ?? 0)

    expect(await ask((client) => client.get('job'))).toBe('1')
    expect(said(/ended by SIGKILL; starting it again/)).toBe(true)
  })

  test('keeps nothing from others, and listens to nobody else', async () => {
    await start()

    const settings = await ask((client) => client.config('GET', 'port'))

    const { socket } = await place()
    expect(settings).toEqual(['port', '0'])
    expect((await stat(dirname(socket))).mode & 0o777).toBe(0o700)
    expect((await stat(socket)).mode & 0o777).toBe(0o700)
  })

  test('is begun anew where it cannot read what is there', async () => {
    const first = await start()
    await ask((client) => client.set('job', '1'))
    await first.close()
    const files = join(folder, 'queue', 'appendonlydir')
    for (const name of await readdir(files)) await writeFile(join(files, name), 'nonsense')

    await start()

    expect(await ask((client) => client.get('job'))).toBeNull()
    expect(await readdir(join(folder, 'queue', 'unreadable'))).toEqual(['appendonlydir'])
  })

  test('is missed in one sentence where there is none', async () => {
    await start('/nowhere/python')
    await until(() => said(/cannot be started/))
    const server = await start(process.execPath)
    await until(() => said(/ended with exit code/))

    expect(lines.filter(({ msg }) => /cannot be started/.test(String(msg)))).toHaveLength(1)
    await server.close()
  })

  test('leaves no process when it is closed, and may be closed twice', async () => {
    const server = await start()
    await ask((client) => client.ping())
    const { pid } = server

    await Promise.all([server.close(), server.close()])

    await gone(pid ?? 0)
  })
})

describe('the place of a queue', () => {
  test('is the same by whatever name the data folder goes', async () => {
    const other = `${folder}-link`
    await symlink(folder, other)

    const found = await place(other)
    await rm(other)

    expect(found).toEqual(await place())
  })

  test('has one name, however many ask at once', async () => {
    const places = await Promise.all(Array.from({ length: 20 }, () => findQueuePlace(folder)))

    expect(new Set(places.map(({ name }) => name)).size).toBe(1)
    expect(places[0]?.name).toMatch(/^[0-9a-f]{16}$/)
    expect((await readdir(join(folder, 'queue'))).sort()).toEqual(['name'])
  })

  test('has its socket elsewhere where the name of the folder is too long', async () => {
    const long = join(folder, 'x'.repeat(100))
    await mkdir(long)

    const { socket } = await place(long)

    expect(Buffer.byteLength(socket)).toBeLessThan(100)
    expect((await stat(dirname(socket))).mode & 0o777).toBe(0o700)
    await rm(dirname(socket), { recursive: true })
  })

  test('is not where somebody else can be', async () => {
    const long = join(folder, 'y'.repeat(100))
    await mkdir(long)
    const { socket } = await place(long)

    await chmod(dirname(socket), 0o777)

    await expect(place(long)).rejects.toThrow(/belongs to somebody else/)
    await rm(dirname(socket), { recursive: true })
  })
})

test('a gateway whose queue has no place is there without it', async () => {
  const long = join(folder, 'z'.repeat(100))
  await mkdir(long)
  const { socket } = await place(long)
  await chmod(dirname(socket), 0o777)

  const training = await openTraining({ folder: long })

  await expect(training.training.create(request, undefined)).rejects.toMatchObject({
    code: 'queue_unavailable',
  })
  expect(training.lines).toContainEqual(
    expect.objectContaining({ msg: 'the job queue has no place' }),
  )
  await training.close()
  await rm(dirname(socket), { recursive: true })
})
