/** The process that reads a whole dataset, with its images, and tells what is wrong with it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { FastifyBaseLogger } from 'fastify'
import { CheckLine } from '../../schemas/index.ts'

export interface CheckOptions {
  /** The Python interpreter that has `pixelllm`. */
  readonly python: string
  readonly timeout_ms: number
  readonly max_memory_bytes: number
  readonly log: FastifyBaseLogger
}

/** How a check ended: `stopped` says why it could not go on to the end. */
export interface CheckOutcome {
  readonly stopped: string | undefined
}

/** A check that could not be begun, or was not allowed to end: it says nothing about the dataset. */
export class CheckFailure extends Error {
  override readonly name = 'CheckFailure'
}

/**
 * Checks the dataset in a folder. Its images come from strangers, so they are decoded in a process
 * of its own, with a limit on its time and on its memory; it is killed on abort, and by the system
 * where this process dies.
 */
export async function checkDataset(
  folder: string,
  hear: (line: CheckLine) => void | Promise<void>,
  options: CheckOptions,
  signal: AbortSignal,
): Promise<CheckOutcome> {
  signal.throwIfAborted()
  const child = start(folder, options)
  const exit = exitOf(child)
  const stop = (): void => killGroup(child)
  const timeout = AbortSignal.timeout(options.timeout_ms)
  signal.addEventListener('abort', stop)
  timeout.addEventListener('abort', stop)
  try {
    logLines(child.stderr, options.log)
    const ended = await hearLines(child.stdout, hear)
    const how = await exit
    signal.throwIfAborted()
    if (ended) return { stopped: undefined }
    if (timeout.aborted) {
      return { stopped: `the check took longer than ${options.timeout_ms / 1000} s` }
    }
    if (how.signal !== null) return { stopped: `the check was ended by ${how.signal}` }
    throw new CheckFailure(how.reason)
  } finally {
    signal.removeEventListener('abort', stop)
    timeout.removeEventListener('abort', stop)
    killGroup(child)
    await exit
  }
}

/** Starts it in a process group of its own, as the workers are, so that Ctrl-C is left to us. */
function start(folder: string, { python, max_memory_bytes }: CheckOptions): ChildProcess {
  const limits = ['--max-memory', String(max_memory_bytes), '--parent', String(process.pid)]
  return spawn(python, ['-m', 'pixelllm.data', 'check', '--json', ...limits, folder], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PYTHONIOENCODING: 'utf-8', OMP_NUM_THREADS: '1' },
  })
}

/** Returns whether the last line was the end. */
async function hearLines(
  output: Readable | null,
  hear: (line: CheckLine) => void | Promise<void>,
): Promise<boolean> {
  if (output === null) return false
  let ended = false
  for await (const text of createInterface({ input: output })) {
    const line = parseLine(text)
    // It was killed while it wrote.
    if (line === undefined) return false
    ended = line.type === 'end'
    await hear(line)
  }
  return ended
}

function parseLine(text: string): CheckLine | undefined {
  try {
    return CheckLine.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

interface Exit {
  readonly signal: NodeJS.Signals | null
  readonly reason: string
}

async function exitOf(child: ChildProcess): Promise<Exit> {
  try {
    const [code, signal] = await once(child, 'exit')
    return { signal, reason: `the check ended with exit code ${code}` }
  } catch (error) {
    return { signal: null, reason: `the check cannot be started: ${String(error)}` }
  }
}

function logLines(stream: Readable | null, log: FastifyBaseLogger): void {
  if (stream !== null) createInterface({ input: stream }).on('line', (line) => log.info(line))
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // The group is gone, which is what was asked for.
  }
}
