/** What the servers of a data folder must not leave when they have ended: processes and locks. */
import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
/** What `flock` ends with where somebody else has the lock. */
const HELD = 1

/** The commands of the processes that work for a data folder, whoever their parent is by now. */
export async function processesOn(folder: string): Promise<string[]> {
  const setting = `PIXELLLM_DATA_DIR=${folder}`
  const commands: string[] = []
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    const environment = (await wordsOf(pid, 'environ')) ?? []
    if (environment.includes(setting)) {
      commands.push((await wordsOf(pid, 'cmdline'))?.join(' ') ?? pid)
    }
  }
  return commands
}

/** The files that are locks, by their paths inside the folder. */
export async function locksOn(folder: string): Promise<Record<string, 'free' | 'held'>> {
  const files = await readdir(folder, { recursive: true })
  const locks = files.filter((file) => basename(file) === 'lock')
  const states = locks.map(async (lock) => [lock, await stateOf(join(folder, lock))] as const)
  return Object.fromEntries(await Promise.all(states))
}

async function stateOf(lock: string): Promise<'free' | 'held'> {
  try {
    await run('flock', ['--nonblock', lock, 'true'])
    return 'free'
  } catch (error) {
    if (Object(error).code === HELD) return 'held'
    throw error
  }
}

/** Undefined for a process that is gone, or is somebody else's. */
async function wordsOf(pid: string, file: 'environ' | 'cmdline'): Promise<string[] | undefined> {
  const text = await readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => undefined)
  return text?.split('\0').filter(Boolean)
}
