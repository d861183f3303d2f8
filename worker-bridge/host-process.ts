import { type ChildProcess, fork } from 'node:child_process'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { WorkerError } from './errors.ts'
import { HostMessage, type HostRequest, type Method } from './protocol.ts'
import type { Log } from './types.ts'

/** The host only passes strings on, so a small heap is enough. */
const HOST_HEAP = '--max-old-space-size=128'

export interface HostOptions {
  /** Path of the Python interpreter. */
  readonly python: string
  /** Name of the Python module that offers the functions of `Method`. */
  readonly module: string
  /** Added to this process's environment, which the host and Python inherit. */
  readonly env: Readonly<Record<string, string>>
  readonly log: Log
}

interface Waiting {
  resolve(text: string): void
  reject(error: WorkerError): void
}

/** One bridge host and the Python process under it, from fork to exit. */
export class HostProcess {
  /** Resolves with the reason when both processes are gone and all they sent has been heard. */
  readonly exited: Promise<string>
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, Waiting>()
  readonly #hear: (event: string) => void
  #number = 0
  #reason: string | undefined
  #gone = false

  constructor(options: HostOptions, hear: (event: string) => void) {
    this.#hear = hear
    this.#child = forkHost(options)
    this.#child.on('message', (message) => this.#take(message))
    logLines(this.#child.stdout, options.log)
    logLines(this.#child.stderr, options.log)
    this.exited = this.#exit()
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Calls a function of the Python module; rejects with `worker_crashed` when the process ends. */
  request(method: Method, argument: string): Promise<string> {
    if (this.#gone) return Promise.reject(stopped())
    const message: HostRequest = { number: ++this.#number, method, argument }
    return new Promise((resolve, reject) => {
      this.#waiting.set(message.number, { resolve, reject })
      // What cannot be sent is rejected when the process is gone, as what is not answered.
      if (this.#child.connected) this.#child.send(message, () => {})
    })
  }

  /** Kills the host and Python at once; `exited` then resolves with this reason. */
  kill(reason: string): void {
    this.#reason ??= reason
    if (!this.#gone) killGroup(this.#child.pid)
  }

  #take(received: unknown): void {
    const { data: message, error } = HostMessage.safeParse(received)
    if (error !== undefined) this.kill(`the bridge host sent a wrong message: ${error.message}`)
    if (message === undefined) return

    if (message.kind === 'event') this.#hear(message.text)
    if (message.kind === 'lost') this.#reason ??= message.reason
    if (message.kind === 'reply') {
      this.#waiting.get(message.number)?.resolve(message.text)
      this.#waiting.delete(message.number)
    }
  }

  async #exit(): Promise<string> {
    const ending = await Promise.all([exitOf(this.#child), disconnectionOf(this.#child)])
    this.#reason ??= ending[0]
    this.#gone = true

    for (const waiting of this.#waiting.values()) waiting.reject(stopped())
    this.#waiting.clear()
    return this.#reason
  }
}

/**
 * Forks the host into a process group of its own: one signal then ends it with Python, and Ctrl-C
 * in a terminal reaches the gateway alone, which ends its workers in order.
 */
function forkHost({ python, module, env }: HostOptions): ChildProcess {
  const { file, execArgv } = hostFile()
  return fork(file, [module], {
    detached: true,
    execArgv: [...execArgv, HOST_HEAP],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: {
      ...process.env,
      PYTHONUNBUFFERED: '1',
      PYTHONIOENCODING: 'utf-8',
      ...env,
      PYTHON_BIN: python,
      REQ_TIMEOUT: '0', // pythonia's own time limit, which cannot stop Python; heartbeats can
      DEBUG: undefined, // any value makes pythonia print every message, users' data included
    },
  })
}

/** The compiled host beside this file's compiled form; from the sources, through tsx. */
function hostFile(): { file: string; execArgv: string[] } {
  if (import.meta.url.endsWith('.js')) {
    return { file: fileURLToPath(new URL('host.js', import.meta.url)), execArgv: [] }
  }
  const tsx = createRequire(import.meta.url).resolve('tsx')
  return {
    file: fileURLToPath(new URL('host.ts', import.meta.url)),
    execArgv: ['--import', pathToFileURL(tsx).href],
  }
}

function stopped(): WorkerError {
  return new WorkerError('worker_crashed', 'the worker stopped')
}

function logLines(stream: Readable | null, log: Log): void {
  if (stream === null) return
  createInterface({ input: stream }).on('line', (line) => log.info(line))
}

/** Resolves when the host is gone; whatever is left of its group is killed then. */
function exitOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(`the bridge host cannot be started: ${error.message}`))
    child.once('exit', (code, signal) => {
      killGroup(child.pid)
      resolve(`the bridge host was ended by ${signal ?? `exit code ${code}`}`)
    })
  })
}

/** Resolves when every message that the host has sent is received. */
function disconnectionOf(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (!child.connected) resolve()
    child.once('disconnect', () => resolve())
  })
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // The group is gone, which is what was asked for.
  }
}
