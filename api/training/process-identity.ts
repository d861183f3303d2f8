import { randomUUID } from 'node:crypto'
import { readFile, readlink } from 'node:fs/promises'

/** Between the parts of an identity. Bull has a use of its own for `@`. */
const SEPARATOR = '/'

interface Identity {
  /** The start of the machine and the name space of its process numbers. */
  readonly place: string
  readonly pid: number
  /** When the process started, in the machine's own unit. */
  readonly start: string
}

/**
 * Names a gateway so that others on the same machine can tell whether its process is gone. Where the
 * system does not say enough (it is Linux that does), the name tells nothing.
 */
export async function identifyProcess(): Promise<string> {
  const place = await placeOf()
  const start = await startOf(process.pid)
  if (place === undefined || start === undefined) return randomUUID()
  return [randomUUID(), place, process.pid, start].join(SEPARATOR)
}

/** Whether a gateway is certainly gone. One on another machine never is. */
export async function isGone(name: string): Promise<boolean> {
  const identity = parse(name)
  if (identity === undefined || identity.place !== (await placeOf())) return false
  return (await startOf(identity.pid)) !== identity.start
}

function parse(name: string): Identity | undefined {
  const [, place, pid, start] = name.split(SEPARATOR)
  if (place === undefined || pid === undefined || start === undefined) return undefined
  return { place, pid: Number(pid), start }
}

async function placeOf(): Promise<string | undefined> {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8')
    const names = await readlink('/proc/self/ns/pid')
    return `${boot.trim()}.${names.replaceAll(/\D/g, '')}`
  } catch {
    return undefined
  }
}

/** Undefined for a process that is gone, or that has ended and is not yet waited for. */
async function startOf(pid: number): Promise<string | undefined> {
  const line = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  // After the name, which may hold anything, come the state and 18 numbers, then the start.
  const [state, ...rest] = line?.slice(line.lastIndexOf(')') + 2).split(' ') ?? []
  return state === 'Z' || state === 'X' ? undefined : rest[18]
}
