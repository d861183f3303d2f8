import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { codeOf } from './failure.mjs'

/**
 * What a finished step leaves behind: what it was made from. A step is repeated when its stamp is
 * missing or says something else.
 *
 * @typedef {{ from: string, torchIndex?: string }} Stamp
 */

/**
 * @param {string} file
 * @returns {Stamp | undefined} undefined where there is none that can be read
 */
export function readStamp(file) {
  try {
    const stamp = JSON.parse(readFileSync(file, 'utf8'))
    return typeof stamp?.from === 'string' ? stamp : undefined
  } catch {
    return undefined
  }
}

/**
 * Writes a stamp whole or not at all, as the last act of a step.
 *
 * @param {string} file
 * @param {Stamp} stamp
 */
export function writeStamp(file, stamp) {
  mkdirSync(dirname(file), { recursive: true })
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, `${JSON.stringify(stamp)}\n`)
  renameSync(draft, file)
  endStep(file)
}

/**
 * Takes the stamp away before its step works, and leaves a mark that the step had begun.
 *
 * @param {string} file
 */
export function beginStep(file) {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(begunMark(file), '')
  rmSync(file, { force: true })
}

/**
 * Takes the mark away.
 *
 * @param {string} file
 */
export function endStep(file) {
  rmSync(begunMark(file), { force: true })
}

/**
 * @param {string} file of a stamp
 * @returns {string} the mark that stands while its step works, and after it was interrupted
 */
export function begunMark(file) {
  return `${file}.begun`
}

/**
 * One hash over files and folders: names and contents, not times.
 *
 * @param {string} root names are taken relative to it
 * @param {string[]} paths files, or folders that are read to the bottom; missing ones count as such
 * @param {string[]} facts anything else that the result depends on
 * @returns {string} sha256 in hex
 */
export function hashOf(root, paths, facts = []) {
  const hash = createHash('sha256')
  for (const fact of facts) hash.update(`${fact}\0`)
  for (const path of paths) {
    for (const file of filesUnder(path)) {
      hash
        .update(`${relative(root, file)}\0`)
        .update(readFileSync(file))
        .update('\0')
    }
  }
  return hash.digest('hex')
}

/**
 * @param {string} path
 * @returns {string[]} the files there in a fixed order; none where nothing is
 */
function filesUnder(path) {
  try {
    const names = readdirSync(path, { withFileTypes: true }).sort((a, b) =>
      a.name < b.name ? -1 : 1,
    )
    return names.flatMap((entry) =>
      entry.isDirectory() ? filesUnder(join(path, entry.name)) : [join(path, entry.name)],
    )
  } catch (error) {
    if (codeOf(error) === 'ENOTDIR') return [path]
    if (codeOf(error) === 'ENOENT') return []
    throw error
  }
}
