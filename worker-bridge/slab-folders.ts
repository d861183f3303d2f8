/**
 * The folders that hold slabs, and the removal of those whose gateway was killed.
 *
 * A folder's name carries the process that made it: the number of its process namespace and its
 * process id. Another container's folder is never taken for a dead one.
 */
import { mkdtemp, readdir, readlink, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from './types.ts'

const PROJECT = 'pixelllm'

/** Makes a folder in `parent` that only this user can read. */
export async function makeFolder(parent: string): Promise<string> {
  return mkdtemp(join(parent, `${PROJECT}-${await namespace()}-${process.pid}-`))
}

/** Removes the folders in `parent` whose process is gone. They hold memory until then. */
export async function sweepFolders(parent: string, log: Log): Promise<void> {
  const mine = new RegExp(`^${PROJECT}-${await namespace()}-(\\d+)-\\w{6}$`)
  for (const name of await readdir(parent).catch(() => [])) {
    const pid = Number(mine.exec(name)?.[1])
    if (!Number.isInteger(pid) || isAlive(pid)) continue

    log.info(`removes ${join(parent, name)}, left by a gateway that was killed`)
    await rm(join(parent, name), { recursive: true, force: true }).catch((error) =>
      log.warn(`${join(parent, name)} cannot be removed: ${String(error)}`),
    )
  }
}

/** The number of this process's pid namespace; 0 where the system has none. */
async function namespace(): Promise<number> {
  const link = await readlink('/proc/self/ns/pid').catch(() => '')
  return Number(/\d+/.exec(link)?.[0] ?? 0)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it lives and belongs to somebody else.
    return Reflect.get(Object(error), 'code') !== 'ESRCH'
  }
}
