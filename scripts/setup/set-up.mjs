import { accessSync, constants, mkdirSync, writeFileSync } from 'node:fs'
import { adviceFor, codeOf, SetupError, ToolError } from './failure.mjs'
import { takeLock } from './lock.mjs'
import { placesOf, ROOT } from './places.mjs'
import { progressTo } from './progress.mjs'
import { readSettings } from './settings.mjs'
import { stepsOf } from './steps.mjs'
import { runTool } from './tool.mjs'

const LINES_SHOWN = 15

/** What a shell makes of the same signals. */
const EXIT_CODES = new Map([
  ['SIGHUP', 129],
  ['SIGINT', 130],
  ['SIGTERM', 143],
])

/**
 * Does what is missing, and nothing where nothing is. Where that fails it ends the process with exit
 * code 1 and one sentence.
 *
 * @param {{ withDevTools: boolean }} options `withDevTools`: also what only `npm test` needs
 */
export async function setUp({ withDevTools }) {
  const stopping = new AbortController()
  const onSignal = (/** @type {NodeJS.Signals} */ signal) => stopping.abort(signal)
  for (const signal of EXIT_CODES.keys()) process.on(signal, onSignal)
  try {
    await doWhatIsMissing({ withDevTools, signal: stopping.signal })
  } catch (error) {
    if (stopping.signal.aborted) process.exit(EXIT_CODES.get(stopping.signal.reason))
    for (const line of linesOf(error)) console.error(line)
    console.error(adviceFor(error))
    process.exit(1)
  } finally {
    for (const signal of EXIT_CODES.keys()) process.off(signal, onSignal)
  }
}

/**
 * @param {unknown} error
 * @returns {string[]} what stands above the sentence that says what to do
 */
function linesOf(error) {
  if (error instanceof SetupError) return []
  if (error instanceof ToolError) {
    const { output } = error
    return output.filter((line, i) => line !== output[i - 1]).slice(-LINES_SHOWN)
  }
  return [String(codeOf(error) === undefined && error instanceof Error ? error.stack : error)]
}

/**
 * @param {{ withDevTools: boolean, signal: AbortSignal }} options
 * @returns {Promise<void>} rejects with what adviceFor understands
 */
async function doWhatIsMissing({ withDevTools, signal }) {
  const places = placesOf(ROOT)
  const ground = { places, settings: readSettings(process.env), env: process.env }
  const steps = stepsOf(ground, { withDevTools })
  if (steps.every((step) => step.isDone())) return

  const progress = progressTo(process.stdout)
  accessSync(places.root, constants.W_OK) // mkdir says ENOENT of a read-only file system
  mkdirSync(places.notes, { recursive: true })
  const lock = await takeLock(places.lock, { onWait: progress.say, signal })
  try {
    writeFileSync(places.log, '')
    for (const step of steps) {
      if (!step.isDone()) await doStep(step, { places, progress, lock, signal })
    }
  } finally {
    lock.release()
  }
}

/**
 * @param {import('./steps.mjs').Step} step
 * @param {{
 *   places: import('./places.mjs').Places, progress: import('./progress.mjs').Progress,
 *   lock: import('./lock.mjs').Lock, signal: AbortSignal,
 * }} context
 */
async function doStep(step, { places, progress, lock, signal }) {
  const line = progress.begin(step.title)
  try {
    await step.work((name, command, options = {}) =>
      runTool(command, {
        ...options,
        name,
        cwd: places.root,
        log: places.log,
        signal,
        onLine: line.detail,
        onStart: lock.holdFor,
      }),
    )
    line.done()
  } catch (error) {
    line.broken(signal.aborted ? 'stopped' : 'failed')
    throw error
  }
}
