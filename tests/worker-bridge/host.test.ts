/** What happens to the host and Python when the gateway dies, and what the host keeps quiet. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { jest } from '@jest/globals'
import { z } from 'zod'
import { Slab } from '../../worker-bridge/slab.ts'
import { FaultPool, RecordingLog } from './fixtures/fault-pool.ts'
import { gone, runs } from './fixtures/processes.ts'

jest.setTimeout(30_000)

const Gateway = z.object({
  host: z.number(),
  python: z.number(),
  path: z.string(),
  spill_path: z.string(),
})
const program = fileURLToPath(new URL('fixtures/gateway.ts', import.meta.url))

afterEach(() => FaultPool.closeAll())

describe.each(['SIGKILL', 'SIGTERM'] as const)('a gateway ended by %s', (signal) => {
  let gateway: ChildProcess
  let started: z.infer<typeof Gateway>

  beforeEach(async () => {
    gateway = spawn(process.execPath, ['--import', 'tsx', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    if (gateway.stdout === null) throw new Error('the gateway has no output')
    const [line] = await once(createInterface({ input: gateway.stdout }), 'line')
    started = Gateway.parse(JSON.parse(String(line)))
  })

  test('takes its host and a busy Python with it', async () => {
    expect(await Promise.all([runs(started.host), runs(started.python)])).toEqual([true, true])

    gateway.kill(signal)

    await Promise.all([gone(started.host), gone(started.python)])
  })

  test('leaves a slab that the next gateway removes', async () => {
    await stat(started.path)
    gateway.kill(signal)
    await once(gateway, 'exit')

    const slab = await Slab.open({ bytes: 4096, log: new RecordingLog() })

    await expect(stat(started.path)).rejects.toThrow('ENOENT')
    await expect(stat(started.spill_path)).rejects.toThrow('ENOENT')
    await slab.close()
  })
})

test('does not let pythonia print what passes through it', async () => {
  const workers = await FaultPool.ready({ env: { DEBUG: '*' } })

  await workers.call('echo', { request: { text: 'private' } })
  await workers.close()

  expect(workers.log.lines.filter((line) => line.includes('private'))).toEqual([])
})
