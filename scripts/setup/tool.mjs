import { spawn } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import { ToolError } from './failure.mjs'

const LINES_KEPT = 60
const STOP_GRACE_MS = 5000

/**
 * Runs one tool, writes all it says to the log, and fails with its last lines.
 *
 * The tool has a process group of its own: Ctrl-C reaches set-up alone, which then ends the tool and
 * waits for it, so that nothing goes on writing behind its back.
 *
 * @param {string[]} command the program and its arguments
 * @param {{
 *   name: string, cwd: string, env?: NodeJS.ProcessEnv, log: string, failure?: RegExp,
 *   signal?: AbortSignal, onLine?: (line: string) => void, onStart?: (pid: number | undefined) => void,
 * }} options `name`: what a person calls the tool; `failure`: a line that means failure whatever the exit
 *   code; `onStart` is called with undefined when it has ended
 * @returns {Promise<void>} rejects with a ToolError, with the error that kept the tool from starting, or
 *   with the reason of `signal`
 */
export async function runTool(command, { name, cwd, env, log, failure, signal, onLine, onStart }) {
  signal?.throwIfAborted()
  const [program = '', ...args] = command
  record(log, `\n$ ${command.join(' ')}\n`)
  const child = spawn(program, args, {
    cwd,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onStart?.(child.pid)

  /** @type {string[]} */
  const output = []
  let broken = false
  for (const stream of [child.stdout, child.stderr]) {
    let rest = ''
    stream.setEncoding('utf8').on('data', (text) => {
      record(log, text)
      const lines = (rest + text).split(/\r?\n|\r/)
      rest = lines.pop() ?? ''
      for (const line of lines.map((line) => line.trimEnd()).filter(Boolean)) {
        output.push(line)
        onLine?.(line.trim())
        if (failure?.test(line)) broken = true
      }
      output.splice(0, output.length - LINES_KEPT)
    })
    stream.on('end', () => {
      if (rest.trim() !== '') output.push(rest.trimEnd())
    })
  }

  const stop = () => {
    killGroup(child.pid, 'SIGTERM')
    setTimeout(() => killGroup(child.pid, 'SIGKILL'), STOP_GRACE_MS).unref()
  }
  signal?.addEventListener('abort', stop, { once: true })
  try {
    await ended(child, name, output)
  } finally {
    signal?.removeEventListener('abort', stop)
    onStart?.(undefined)
  }
  signal?.throwIfAborted()
  if (broken) throw new ToolError(name, { code: child.exitCode, signal: null, output })
}

/**
 * @param {import('node:child_process').ChildProcess} child
 * @param {string} name
 * @param {string[]} output
 * @returns {Promise<void>}
 */
function ended(child, name, output) {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (code === 0) resolve()
      else reject(new ToolError(name, { code, signal, output }))
    })
  })
}

/**
 * @param {number | undefined} pid the leader of the group
 * @param {NodeJS.Signals} signal
 */
function killGroup(pid, signal) {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch {
    // It has ended by itself.
  }
}

/**
 * The log is for reading after a failure: on a full disk, losing it must not hide that failure.
 *
 * @param {string} log
 * @param {string} text
 */
function record(log, text) {
  try {
    appendFileSync(log, text)
  } catch {
    // The tool's own failure says it.
  }
}
