import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { link, lstat, mkdir, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { codeOf } from '../error-code.ts'

/** What the systems' names for sockets hold: 103 bytes on macOS, 107 on Linux. */
const MAX_SOCKET_BYTES = 103

export interface QueuePlace {
  /** Where the server of this data folder keeps its files. */
  readonly folder: string
  /** Tells the queue of this data folder from others on the same server. */
  readonly name: string
}

/** Where the queue of a data folder lies: the same for every gateway on that folder. */
export async function findQueuePlace(dataFolder: string): Promise<QueuePlace> {
  const data = await realpath(dataFolder)
  const folder = join(data, 'queue')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  return { folder, name: await nameOf(folder) }
}

/** What the server of a queue's folder listens on. Rejects where there is no place that is its own. */
export async function placeSocket(folder: string): Promise<string> {
  const inside = join(folder, 'socket')
  if (Buffer.byteLength(inside) <= MAX_SOCKET_BYTES) return inside

  const hash = createHash('sha256').update(folder).digest('hex').slice(0, 16)
  const outside = join(tmpdir(), `pixelllm-${hash}`)
  await mkdir(outside, { recursive: true, mode: 0o700 })
  await requireOwn(outside)
  return join(outside, 'socket')
}

/** In a folder that everybody can write to, somebody else may have been first. */
async function requireOwn(folder: string): Promise<void> {
  const { uid, mode, isDirectory } = await lstat(folder).then((stats) => ({
    uid: stats.uid,
    mode: stats.mode & 0o777,
    isDirectory: stats.isDirectory(),
  }))
  if (isDirectory && uid === process.getuid?.() && mode === 0o700) return
  throw new Error(
    `${folder} belongs to somebody else: remove it, or let PIXELLLM_DATA_DIR be shorter`,
  )
}

/** Made once and then kept in the folder: paths differ between containers, this does not. */
async function nameOf(folder: string): Promise<string> {
  const path = join(folder, 'name')
  const aside = `${path}.${randomUUID()}`
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
  }
  try {
    await writeFile(aside, randomBytes(8).toString('hex'), { mode: 0o600, flush: true })
    await link(aside, path)
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  } finally {
    await rm(aside, { force: true })
  }
  return readFile(path, 'utf8')
}
