import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Slab, type SlabOptions } from '../../worker-bridge/slab.ts'
import { RecordingLog } from './fixtures/fault-pool.ts'
import { until } from './fixtures/processes.ts'

const MIB = 1024 * 1024
const never = new AbortController().signal

let folder: string
let slab: Slab

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'slab-test-'))
  await mkdir(join(folder, 'memory'))
  await mkdir(join(folder, 'temporary'))
  slab = await open({ bytes: 8 * MIB })
})

afterEach(async () => {
  await slab.close()
  await rm(folder, { recursive: true, force: true })
})

test('stores an image where the lease says', async () => {
  const image = bytes(3 * MIB, 7)

  const lease = await slab.write(image, never)

  const file = await readFile(slab.settings.path)
  expect(file.subarray(lease.offset, lease.offset + lease.bytes).equals(image)).toBe(true)
})

test('has memory behind every page from the start, for this user alone', async () => {
  const { size, blocks, mode } = await stat(slab.settings.path)
  const parent = await stat(dirname(slab.settings.path))

  expect(size).toBe(8 * MIB)
  expect(blocks * 512).toBeGreaterThanOrEqual(8 * MIB)
  expect(mode & 0o777).toBe(0o600)
  expect(parent.mode & 0o777).toBe(0o700)
})

test('frees a place once, however often it is released', async () => {
  const lease = await slab.write(bytes(MIB, 1), never)

  lease.release()
  lease.release()

  expect(slab.free_bytes).toBe(8 * MIB)
})

test('does not give a place away while a write to it is under way', async () => {
  const controller = new AbortController()
  const aborted = slab.write(bytes(8 * MIB, 1), controller.signal)
  controller.abort(new Error('hung up'))
  expect(slab.free_bytes).toBe(0)

  await expect(aborted).rejects.toThrow('hung up')
  const next = await slab.write(bytes(8 * MIB, 2), never)

  const file = await readFile(slab.settings.path)
  expect(file.subarray(next.offset, next.offset + next.bytes).every((byte) => byte === 2)).toBe(
    true,
  )
})

test('spills an image that finds no room into a private file of its own', async () => {
  await slab.write(bytes(8 * MIB, 1), never)

  const spilled = await slab.write(bytes(100, 2), never)

  const path = join(slab.settings.spill_path, String(spilled.offset))
  expect(spilled.offset).toBeGreaterThanOrEqual(8 * MIB)
  expect(await readFile(path)).toEqual(Buffer.from(bytes(100, 2)))
  expect((await stat(path)).mode & 0o777).toBe(0o600)
})

test('spills an image that is larger than the slab', async () => {
  const lease = await slab.write(bytes(9 * MIB, 3), never)

  const file = await stat(join(slab.settings.spill_path, String(lease.offset)))
  expect(file.size).toBe(9 * MIB)
})

test('leaves no spilled file when its write is aborted', async () => {
  const controller = new AbortController()
  const aborted = slab.write(bytes(16 * MIB, 3), controller.signal)
  controller.abort(new Error('hung up'))

  await expect(aborted).rejects.toThrow('hung up')

  await until(async () => (await readdir(slab.settings.spill_path)).length === 0)
})

test('says storage_full when there is no room for a spilled file', async () => {
  await rm(slab.settings.spill_path, { recursive: true })

  const full = slab.write(bytes(9 * MIB, 3), never)

  await expect(full).rejects.toMatchObject({ code: 'storage_full' })
})

test('uses the temporary folder where there is no shared memory', async () => {
  const log = new RecordingLog()

  const fallback = await open({ log, shared_memory: join(folder, 'none') })

  expect(fallback.settings.path.startsWith(join(folder, 'temporary'))).toBe(true)
  await log.line(/slower than memory/)
  await fallback.close()
})

test('says storage_full when there is no room for the slab', async () => {
  const full = open({ shared_memory: join(folder, 'none'), temporary: join(folder, 'none') })

  await expect(full).rejects.toMatchObject({ code: 'storage_full' })
})

test('removes every file when it closes', async () => {
  await slab.write(bytes(100, 1), never)

  await slab.close()

  expect(await readdir(join(folder, 'memory'))).toEqual([])
  expect(await readdir(join(folder, 'temporary'))).toEqual([])
})

describe('the sweep at the start', () => {
  test('removes the slab of a gateway that is gone', async () => {
    const dead = await slabFolder(await deadPid())

    const next = await open()

    await expect(stat(dead)).rejects.toThrow('ENOENT')
    await next.close()
  })

  test('leaves that of a living one, and those of other process namespaces', async () => {
    const living = await slabFolder(process.ppid)
    const foreign = join(folder, 'memory', `pixelllm-1-${await deadPid()}-abcdef`)
    await mkdir(foreign)

    const next = await open()

    await stat(living)
    await stat(foreign)
    await next.close()
  })
})

/** A slab in folders of this test alone. */
function open(options: Partial<SlabOptions> = {}): Promise<Slab> {
  return Slab.open({
    bytes: MIB,
    log: new RecordingLog(),
    shared_memory: join(folder, 'memory'),
    temporary: join(folder, 'temporary'),
    ...options,
  })
}

function bytes(length: number, value: number): Uint8Array {
  return new Uint8Array(length).fill(value)
}

/** Makes a folder as the gateway with this process id would. */
async function slabFolder(pid: number): Promise<string> {
  const namespace = /\d+/.exec(await readlink('/proc/self/ns/pid'))?.[0]
  const path = join(folder, 'memory', `pixelllm-${namespace}-${pid}-abcdef`)
  await mkdir(path)
  return path
}

async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' })
  await once(child, 'exit')
  return child.pid ?? 0
}
