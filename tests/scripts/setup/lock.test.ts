import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { takeLock } from '../../../scripts/setup/lock.mjs'

let folder: string
let file: string
const { signal } = new AbortController()
const said: string[] = []
const onWait = (line: string) => said.push(line)

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lock-'))
  file = join(folder, 'lock')
  said.length = 0
})

afterEach(() => rmSync(folder, { recursive: true }))

async function withProcess(use: (child: ChildProcess) => Promise<void>): Promise<void> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  await once(child, 'spawn')
  try {
    await use(child)
  } finally {
    const exit = child.exitCode === null && child.signalCode === null && once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  }
}

describe('the lock of set-up', () => {
  test('is free again once it is released', async () => {
    const first = await takeLock(file, { onWait, signal })
    first.release()

    const second = await takeLock(file, { onWait, signal })
    second.release()

    expect(existsSync(file)).toBe(false)
    expect(said).toEqual([])
  })

  test('makes a second set-up wait until the first has ended, and say so once', async () => {
    const first = await takeLock(file, { onWait, signal })
    const order: string[] = []

    const second = takeLock(file, { onWait, signal }).then((lock) => {
      order.push('second')
      lock.release()
    })
    await takeLock(file, { onWait: () => {}, signal, patienceMs: 400 }).catch(() => {})
    order.push('first')
    first.release()
    await second

    expect(order).toEqual(['first', 'second'])
    expect(said).toEqual([
      `Another set-up works in this folder (process ${process.pid}): waiting for it`,
    ])
  })

  test('is taken over from a process that is gone', async () => {
    await withProcess(async (child) => {
      writeFileSync(file, JSON.stringify([{ pid: child.pid, born: '' }]))
      child.kill('SIGKILL')
      await once(child, 'exit')

      const lock = await takeLock(file, { onWait, signal, patienceMs: 0 })

      expect(JSON.parse(readFileSync(file, 'utf8'))[0].pid).toBe(process.pid)
      lock.release()
    })
  })

  test('is taken over from an older process that had the same number', async () => {
    writeFileSync(file, JSON.stringify([{ pid: process.pid, born: 'an earlier boot/1' }]))

    const lock = await takeLock(file, { onWait, signal, patienceMs: 0 })

    lock.release()
  })

  test('is held on while the tool of a killed set-up still writes', async () => {
    await withProcess(async (child) => {
      const held = await takeLock(file, { onWait, signal })
      held.holdFor(child.pid)
      const owners = JSON.parse(readFileSync(file, 'utf8'))
      writeFileSync(file, JSON.stringify([{ pid: 2 ** 22 + 1, born: '' }, owners[1]]))

      const impatient = takeLock(file, { onWait, signal, patienceMs: 0 })

      await expect(impatient).rejects.toThrow(`process ${child.pid}`)
    })
  })

  test('stops waiting when it is told to', async () => {
    const held = await takeLock(file, { onWait, signal })
    const stopping = new AbortController()

    const waiting = takeLock(file, { onWait: () => stopping.abort(), signal: stopping.signal })

    await expect(waiting).rejects.toThrow(/abort/)
    held.release()
  })
})
