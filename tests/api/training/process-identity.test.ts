import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, test } from '@jest/globals'
import { identifyProcess, isGone } from '../../../api/training/process-identity.ts'

describe('a gateway', () => {
  test('is there as long as its process is', async () => {
    expect(await isGone(await identifyProcess())).toBe(false)
  })

  test('is gone when another process has its number', async () => {
    const [id, place, pid, start] = (await identifyProcess()).split('/')

    expect(await isGone([id, place, pid, Number(start) + 1].join('/'))).toBe(true)
  })

  test('is gone when no process has its number', async () => {
    const child = spawn(process.execPath, ['-e', ''])
    await once(child, 'exit')
    const [id, place, , start] = (await identifyProcess()).split('/')

    expect(await isGone([id, place, child.pid, start].join('/'))).toBe(true)
  })

  test.each(['', 'e3b0c442', 'a/other-machine.1/1/1'])(
    'of which %j is all that is known may be there',
    async (name) => {
      expect(await isGone(name)).toBe(false)
    },
  )
})
