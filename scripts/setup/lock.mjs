import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { codeOf, SetupError } from './failure.mjs'

const POLL_MS = 300
const PATIENCE_MS = 30 * 60 * 1000 // a first set-up that downloads CUDA over a slow line
const HALF_WRITTEN_MS = 5000 // a lock that is still empty after this long was left by a dead process

/**
 * A process that may be alive, told apart from a later one that got the same number.
 *
 * @typedef {{ pid: number, born: string }} Owner
 */

/**
 * Only one set-up at a time works in a folder. A second one waits until the first has ended.
 *
 * The lock names its owner and the tool that the owner runs: where the owner was killed, its npm or
 * pip may still be writing, so the lock is free only when both are gone.
 *
 * @param {string} file
 * @param {{ onWait: (line: string) => void, signal: AbortSignal, patienceMs?: number }} options `onWait`:
 *   called once where there is something to wait for
 */
export async function takeLock(file, { onWait, signal, patienceMs = PATIENCE_MS }) {
  mkdirSync(dirname(file), { recursive: true })
  const self = ownerOf(process.pid)
  const deadline = Date.now() + patienceMs
  let told = false

  while (!create(file, [self])) {
    const owners = readOwners(file)
    const holder = owners.find(isAlive)
    if (holder === undefined) {
      setAside(file, owners)
      continue
    }
    if (Date.now() > deadline) {
      throw new SetupError(
        `Another set-up (process ${holder.pid}) has held this folder for too long: end it, or delete ${file}, and run the command again.`,
      )
    }
    if (!told) onWait(`Another set-up works in this folder (process ${holder.pid}): waiting for it`)
    told = true
    await sleep(POLL_MS, undefined, { signal })
  }

  return {
    /** @param {number | undefined} pid of the tool at work, or undefined where there is none */
    holdFor(pid) {
      const owners = pid === undefined ? [self] : [self, ownerOf(pid)]
      const draft = `${file}.${process.pid}`
      try {
        writeFileSync(draft, JSON.stringify(owners))
        renameSync(draft, file)
      } catch {
        // On a full disk the lock goes on naming us alone, and the tool's failure says why.
        rmSync(draft, { force: true })
      }
    },
    release() {
      rmSync(file, { force: true })
    },
  }
}

/** @typedef {Awaited<ReturnType<typeof takeLock>>} Lock */

/**
 * @param {string} file
 * @param {Owner[]} owners
 * @returns {boolean} false where the file is there already
 */
function create(file, owners) {
  try {
    writeFileSync(file, JSON.stringify(owners), { flag: 'wx' })
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

/**
 * @param {string} file
 * @returns {Owner[]} none where the lock is gone or was left half written
 */
function readOwners(file) {
  try {
    const owners = JSON.parse(readFileSync(file, 'utf8'))
    return Array.isArray(owners) ? owners : []
  } catch {
    const age = ageOf(file)
    return age < HALF_WRITTEN_MS ? [ownerOf(process.pid)] : []
  }
}

/**
 * Takes a dead owner's lock out of the way. Of two processes that try, the slower may have moved the
 * new lock of the faster one: it puts that back.
 *
 * @param {string} file
 * @param {Owner[]} dead
 */
function setAside(file, dead) {
  const aside = `${file}.dead.${process.pid}`
  try {
    renameSync(file, aside)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return
    throw error
  }
  const moved = readOwners(aside)
  if (JSON.stringify(moved) !== JSON.stringify(dead) && moved.some(isAlive)) create(file, moved)
  rmSync(aside, { force: true })
}

/** @param {string} file */
function ageOf(file) {
  try {
    return Date.now() - statSync(file).mtimeMs
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

/**
 * @param {number} pid
 * @returns {Owner}
 */
function ownerOf(pid) {
  return { pid, born: birthOf(pid) }
}

/**
 * @param {Owner} owner
 * @returns {boolean}
 */
function isAlive({ pid, born }) {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
  return birthOf(pid) === born
}

/**
 * @param {number} pid
 * @returns {string} when the process began, on Linux: its number alone says little after a restart
 */
function birthOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const startTime = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] // field 22 of proc(5)
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${startTime}`
  } catch {
    return ''
  }
}
