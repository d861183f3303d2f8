/**
 * The bridge host: one process per Python worker, and the only file that knows pythonia.
 *
 * pythonia starts Python, carries strings, and does nothing else here. It cannot tell that Python
 * has died, and several of its faults end the process they happen in; so that process is this one,
 * never the gateway. Whatever goes wrong, the host kills Python, says why, and ends.
 *
 * `host-process.ts` forks it with the name of the Python module as its argument and pythonia's
 * settings in the environment, where pythonia looks for them while it is imported.
 */
import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import pythonia from 'pythonia'
import { z } from 'zod'
import { WORKER_CHANNEL } from '../schemas/index.ts'
import { type HostMessage, HostRequest, type Method } from './protocol.ts'

/** How long Python may take to disappear after a signal; reaping it here leaves no zombie. */
const REAP_MS = 1000
const EXIT_CODE_LOST = 70 // EX_SOFTWARE of sysexits.h

type PythonModule = Record<Method, (argument: string) => Promise<unknown>>

/** pythonia's channel to Python: exported, but without a type or a page in its manual. */
interface Channel {
  readonly proc: ChildProcess
  register(channel: string, hear: (message: unknown) => void): void
}

/** What is used of pythonia; parsing it checks that this version has it. */
const Pythonia = z.object({
  python: z.custom<(module: string) => Promise<PythonModule>>(isFunction),
  com: z.custom<Channel>(isChannel),
})

/** A line that Python pushes: `c` names the channel, `e` is the event as JSON text. */
const Push = z.object({ e: z.string() })

const { python, com } = Pythonia.parse(pythonia)
const child = com.proc
let ending = false

process.on('uncaughtException', (error) => void end(`the bridge host failed: ${error.stack}`))
process.on('unhandledRejection', (error) => void end(`the bridge host failed: ${String(error)}`))
process.on('disconnect', () => void end('the gateway is gone'))
child.on('error', (error) => {
  const verb = child.pid === undefined ? 'started' : 'reached'
  void end(`Python cannot be ${verb}: ${error.message}`)
})
child.on('exit', (code, signal) => {
  void end(signal === null ? `Python exited with code ${code}` : `Python was ended by ${signal}`)
})

// Nothing is sent back to a pushed message, which is why any Python thread may push.
com.register(WORKER_CHANNEL, (message) => {
  void tell({ kind: 'event', text: Push.parse(message).e })
})

const worker = python(process.argv[2] ?? '')
process.on('message', (message) => {
  answer(HostRequest.parse(message)).catch((error) => end(explain(error)))
})

/** Calls Python and sends back what it returns. The functions on that side never raise. */
async function answer({ number, method, argument }: HostRequest): Promise<void> {
  const module = await worker
  const text = z.string().parse(await module[method](argument))
  await tell({ kind: 'reply', number, text })

  if (method === 'shutdown') await stop('SIGTERM', 0)
}

/** Kills Python, tells the gateway why, and ends this process. */
async function end(reason: string): Promise<void> {
  if (ending) return
  ending = true

  await tell({ kind: 'lost', reason })
  await stop('SIGKILL', EXIT_CODE_LOST)
}

async function stop(signal: NodeJS.Signals, exitCode: number): Promise<void> {
  ending = true
  const alive = child.pid !== undefined && child.exitCode === null && child.signalCode === null
  if (alive) {
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    await Promise.race([gone, sleep(REAP_MS)])
  }
  process.exit(exitCode)
}

/** Resolves when the message is on its way, or cannot be sent because the gateway is gone. */
function tell(message: HostMessage): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.send?.(message, undefined, undefined, () => resolve())
    else resolve()
  })
}

/** pythonia leaves the message of a Python error empty; the error ends what it gives as a stack. */
function explain(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return stack.match(/\w*(?:Error|Exception): .*/g)?.at(-1) ?? stack
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function'
}

function isChannel(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const proc: unknown = Reflect.get(value, 'proc')
  return isFunction(Reflect.get(value, 'register')) && typeof proc === 'object' && proc !== null
}
