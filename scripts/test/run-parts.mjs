import { spawn } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { withoutPythonVariables } from '../setup/find-python.mjs'
import { placesOf, ROOT } from '../setup/places.mjs'
import { addCounts, readCounts, sayCounts } from './counts.mjs'
import { chooseParts, partsOf } from './parts.mjs'

/**
 * @typedef {import('./parts.mjs').Part} Part
 * @typedef {{ part: Part, ok: boolean, seconds: number }} Outcome
 */

/**
 * Runs the parts one after the other, all of them even where one fails, and closes with a table and
 * one line that counts the tests.
 *
 * @param {string[]} args of the command line
 * @returns {Promise<number>} the exit code
 */
export async function runParts(args) {
  const parts = chooseParts(partsOf(placesOf(ROOT), process.env), args)
  if (typeof parts === 'string') {
    console.error(parts)
    return 1
  }
  /** @type {Outcome[]} */
  const outcomes = []
  for (const part of parts) outcomes.push(await runPart(part))
  for (const line of summaryOf(outcomes)) console.log(line)
  return outcomes.every(({ ok }) => ok) ? 0 : 1
}

/**
 * @param {Part} part
 * @returns {Promise<Outcome>}
 */
async function runPart(part) {
  console.log(`\n── ${part.name}`)
  if (part.report !== undefined) {
    mkdirSync(dirname(part.report), { recursive: true })
    rmSync(part.report, { force: true })
  }
  const begun = Date.now()
  const code = await exitCodeOf(part)
  return { part, ok: code === 0, seconds: (Date.now() - begun) / 1000 }
}

/**
 * @param {Part} part
 * @returns {Promise<number | null>} null where a signal ended it
 */
function exitCodeOf({ command, cwd }) {
  const [program = '', ...args] = command
  // One thread per test process: the tests are run side by side, and torch would take every core for each.
  const env = { ...withoutPythonVariables(process.env), OMP_NUM_THREADS: '1' }
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'inherit', 'inherit'] })
    const stop = () => child.kill('SIGTERM')
    process.once('SIGTERM', stop)
    child.once('error', reject)
    child.once('close', (code) => {
      process.off('SIGTERM', stop)
      resolve(code)
    })
  })
}

/**
 * @param {Outcome[]} outcomes
 * @returns {string[]} lines; where tests were run the last one counts them, alone on its line
 */
function summaryOf(outcomes) {
  const counted = outcomes.map(({ part, ok, seconds }) => {
    const counts = part.report === undefined ? undefined : readCounts(part.report)
    const row = `${part.name.padEnd(12)} ${ok ? 'passed' : 'FAILED'} ${seconds.toFixed(1).padStart(7)} s`
    return { counts, line: counts === undefined ? row : `${row}   ${sayCounts(counts)}` }
  })
  const all = counted.flatMap(({ counts }) => (counts === undefined ? [] : [counts]))
  const closing = all.length === 0 ? [] : ['', sayCounts(addCounts(all))]
  return ['', ...counted.map(({ line }) => line), ...closing]
}
