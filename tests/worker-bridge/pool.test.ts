/** Workers together: choice, waiting, closing. */
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { jest } from '@jest/globals'
import { codeOf, FaultPool } from './fixtures/fault-pool.ts'
import { gone, until } from './fixtures/processes.ts'

jest.setTimeout(30_000)

afterEach(() => FaultPool.closeAll())

describe('two workers', () => {
  test('share the calls', async () => {
    const workers = await bothReady()

    const running = await Promise.all(Array.from({ length: 6 }, () => workers.begin()))

    expect(loads(workers)).toEqual([3, 3])
    await workers.close()
    expect(await running[0]?.outcome).toBe('shutting_down')
  })

  test('stand in for each other: a call goes on where another worker lives', async () => {
    const workers = await bothReady()
    const request = { steps: 30, step_ms: 20 }
    const calls = [1, 2, 3, 4].map(() => workers.call('crc', { request }))
    await until(() => loads(workers).join() === '2,2')
    const survivor = workers.pids(1).python
    await workers.order('hang')

    process.kill(workers.pids(0).python, 'SIGKILL')

    for (const { result } of await Promise.all(calls))
      expect(result).toMatchObject({ pid: survivor })
    expect(workers.pool.status().state).toBe('ready')
  })
})

describe('before the first worker is ready', () => {
  test('calls wait', async () => {
    const workers = await FaultPool.start()

    expect(workers.pool.status()).toMatchObject({ state: 'starting', models: [] })
    expect(await codeOf(workers.call('echo'))).toBe('answered')
    expect(workers.pool.status()).toMatchObject({ state: 'ready', models: [{ id: 'fault' }] })
  })

  test('no more calls wait than the queue holds', async () => {
    const workers = await FaultPool.start({ max_queue: 2 }, 'hang')
    const waiting = [1, 2].map(() => codeOf(workers.call('echo')))
    expect(workers.pool.status().queued).toBe(2)

    expect(await codeOf(workers.call('echo'))).toBe('queue_full')

    await workers.close()
    expect(await Promise.all(waiting)).toEqual(['shutting_down', 'shutting_down'])
  })
})

describe('close', () => {
  test('ends every process, removes the slab and rejects the calls in flight', async () => {
    const workers = await bothReady()
    const pids = [workers.pids(0), workers.pids(1)].flatMap(({ host, python }) => [host, python])
    const { slab } = workers.pool.inspect()
    const running = await Promise.all([workers.begin(), workers.begin()])

    await workers.close()

    expect(await Promise.all(running.map(({ outcome }) => outcome))).toEqual([
      'shutting_down',
      'shutting_down',
    ])
    await Promise.all(pids.map(gone))
    await expect(stat(dirname(slab.path))).rejects.toThrow('ENOENT')
    await expect(stat(slab.spill_path)).rejects.toThrow('ENOENT')
    expect(workers.pool.status().state).toBe('closed')
  })

  test('may be called twice, and refuses calls from then on', async () => {
    const workers = await FaultPool.ready()

    await Promise.all([workers.close(), workers.close()])
    await workers.close()

    expect(await codeOf(workers.call('echo'))).toBe('shutting_down')
    await expect(workers.pool.ready()).rejects.toMatchObject({ code: 'shutting_down' })
  })

  test('ends workers that are still loading', async () => {
    const workers = await FaultPool.start({}, 'hang')
    const ready = workers.pool.ready()
    await until(() => workers.pool.inspect().workers[0]?.python_pid !== undefined)
    const { host, python } = workers.pids()

    await workers.close()

    await expect(ready).rejects.toMatchObject({ code: 'shutting_down' })
    await Promise.all([gone(host), gone(python)])
  })

  test('kills a Python that does not end when asked', async () => {
    const workers = await FaultPool.ready({ limits: { close_ms: 200 } })
    const { host, python } = workers.pids()
    process.kill(python, 'SIGSTOP')

    await workers.close()

    await Promise.all([gone(host), gone(python)])
  })

  test('ends the pause before a restart', async () => {
    const workers = await FaultPool.ready({
      limits: { backoff_ms: 25_000, max_backoff_ms: 25_000 },
    })
    process.kill(workers.pids().python, 'SIGKILL')
    await workers.log.line(/starting again in 25000 ms/)

    await workers.close()

    expect(workers.pool.status().state).toBe('closed')
  })
})

async function bothReady(): Promise<FaultPool> {
  const workers = await FaultPool.start({ workers: 2 })
  await until(() => workers.pool.inspect().workers.every(({ state }) => state === 'ready'))
  return workers
}

function loads({ pool }: FaultPool): number[] {
  return pool.inspect().workers.map(({ load }) => load)
}
