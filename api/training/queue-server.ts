import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'

const MODULE = 'pixelllm.queue_server'
/** The process, its role, the time and the level in front of what the server says. */
const LINE_START = /^\d+:\w \d+ \w+ \d+ [\d:.]+ \S /
const READY = /Ready to accept connections/
const BACKOFF_MS = 100
const MAX_BACKOFF_MS = 10_000
const CLOSE_MS = 5000
/** Ends in a row before it was ready, after which its files are taken to be unreadable. */
const MAX_FAILURES = 3

export interface QueueServerOptions {
  /** Where it keeps its files. */
  readonly folder: string
  /** What it listens on. */
  readonly socket: string
  /** The Python interpreter that has `pixelllm`. */
  readonly python: string
  readonly log: FastifyBaseLogger
}

/**
 * Keeps a server for the queue of a data folder, or a process in line for it where another gateway
 * has the server. One that ends is started again; it never outlives this process.
 */
export class QueueServer {
  readonly #options: QueueServerOptions
  readonly #closing = new AbortController()
  readonly #finished: Promise<void>
  #child: ChildProcess | undefined
  #reason: string | undefined

  constructor(options: QueueServerOptions) {
    this.#options = options
    this.#finished = this.#keepRunning()
  }

  /** Of the server, or of what waits to become it. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  async close(): Promise<void> {
    this.#closing.abort()
    const child = this.#child
    child?.kill('SIGTERM')
    const timer = setTimeout(() => child?.kill('SIGKILL'), CLOSE_MS)
    await this.#finished
    clearTimeout(timer)
  }

  async #keepRunning(): Promise<void> {
    const { signal } = this.#closing
    let pause_ms = BACKOFF_MS
    for (let failures = 0; !signal.aborted; ) {
      const { wasReady, reason } = await this.#run(failures === MAX_FAILURES)
      if (signal.aborted) return
      failures = wasReady || failures === MAX_FAILURES ? 0 : failures + 1
      if (wasReady) pause_ms = BACKOFF_MS

      this.#tell(reason)
      await sleep(pause_ms, undefined, { signal }).catch(() => {})
      pause_ms = Math.min(pause_ms * 2, MAX_BACKOFF_MS)
    }
  }

  /** One life of the server. */
  async #run(anew: boolean): Promise<{ wasReady: boolean; reason: string }> {
    const { python, folder, socket } = this.#options
    const words = [folder, socket, String(process.pid), ...(anew ? ['anew'] : [])]
    // In a group of its own: Ctrl-C in a terminal reaches the gateway alone.
    const child = spawn(python, ['-m', MODULE, ...words], {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    let lastLine = ''
    let wasReady = false
    const hear = (line: string): void => {
      lastLine = line.replace(LINE_START, '')
      if (READY.test(line)) wasReady = true
      if (wasReady) this.#reason = undefined
      this.#options.log.debug(`queue: ${lastLine}`)
    }
    createInterface({ input: child.stdout }).on('line', hear)
    createInterface({ input: child.stderr }).on('line', hear)
    return { reason: await endOf(child, () => lastLine), wasReady }
  }

  /** Says the same once, however often it happens. */
  #tell(reason: string): void {
    if (reason !== this.#reason) this.#options.log.warn(`${reason}; starting it again`)
    this.#reason = reason
  }
}

async function endOf(child: ChildProcess, lastLine: () => string): Promise<string> {
  try {
    const [code, signal]: unknown[] = await once(child, 'close')
    if (signal !== null) return `the server of the job queue was ended by ${signal}`
    return `the server of the job queue ended with exit code ${code}: ${lastLine()}`
  } catch (error) {
    return `the server of the job queue cannot be started: ${String(error)}`
  }
}
