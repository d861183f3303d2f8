/** One Python worker: what ends it, and how it starts. */
import { jest } from '@jest/globals'
import { codeOf, FaultPool } from './fixtures/fault-pool.ts'
import { gone, until } from './fixtures/processes.ts'

jest.setTimeout(30_000)

/** The second the time that a busy machine may keep Python from answering. */
const HEARTBEAT = { heartbeat_ms: 100, heartbeats: 15 }

afterEach(() => FaultPool.closeAll())

test('ends Python and starts again when the bridge host is killed', async () => {
  const workers = await FaultPool.ready()
  const { host, python } = workers.pids()
  const running = await workers.begin()

  process.kill(host, 'SIGKILL')

  expect(await running.outcome).toBe('worker_crashed')
  await gone(python)
  expect(await codeOf(workers.call('echo'))).toBe('answered')
})

test('ends a Python that does not answer heartbeats', async () => {
  const workers = await FaultPool.ready({ limits: HEARTBEAT })
  const { host, python } = workers.pids()
  const running = await workers.begin()

  process.kill(python, 'SIGSTOP')

  await until(() => workers.pool.status().state === 'unresponsive')
  expect(await running.outcome).toBe('worker_crashed')
  await Promise.all([gone(host), gone(python)])
  expect(await codeOf(workers.call('echo'))).toBe('answered')
})

test('ends a Python whose engine hangs in a step', async () => {
  const workers = await FaultPool.ready({ limits: { ...HEARTBEAT, engine_ms: 1000 } })
  const running = await workers.begin()
  const { python } = workers.pids()

  const stuck = codeOf(workers.call('stuck'))

  expect(await running.outcome).toBe('worker_crashed')
  await workers.log.line(/the engine has been in one step for \d+ ms/)
  await gone(python)
  expect(await stuck).toBe('worker_crashed')
  expect(await codeOf(workers.call('echo'))).toBe('answered')
})

test('waits longer after each crash that follows closely', async () => {
  const workers = await FaultPool.ready()

  await codeOf(workers.call('kill'))
  await workers.pool.ready()

  const pauses = workers.log.lines.flatMap(
    (line) => /starting again in (\d+) ms/.exec(line)?.[1] ?? [],
  )
  expect(pauses).toEqual(['20', '40'])
})

describe('a first start that fails', () => {
  test('is final when the model cannot be loaded', async () => {
    const workers = await FaultPool.start({}, 'missing')

    await expect(workers.pool.ready()).rejects.toMatchObject({
      code: 'model_unavailable',
      message: expect.stringMatching(/^there is no model at .*model$/),
    })
    expect(workers.pool.status()).toMatchObject({ state: 'failed', models: [] })
    expect(workers.pool.inspect().workers[0]?.starts).toBe(1)
    expect(await codeOf(workers.call('echo'))).toBe('model_unavailable')
  })

  test('is final when Python dies of it', async () => {
    const workers = await FaultPool.start({}, 'crash')

    await expect(workers.pool.ready()).rejects.toThrow('Python was ended by SIGKILL')
  })

  test('is final when it takes too long', async () => {
    const workers = await FaultPool.start({ limits: { start_ms: 1500 } }, 'hang')

    await expect(workers.pool.ready()).rejects.toThrow('the model was not loaded within 1500 ms')
  })

  test('names a Python that is not there', async () => {
    const workers = await FaultPool.start({ python: '/nowhere/python' })

    await expect(workers.pool.ready()).rejects.toThrow(
      'Python cannot be started: spawn /nowhere/python ENOENT',
    )
  })

  test('names a Python module that is not there', async () => {
    const workers = await FaultPool.start({ module: 'no_such_worker' })

    await expect(workers.pool.ready()).rejects.toThrow(
      "ModuleNotFoundError: No module named 'no_such_worker'",
    )
  })

  test('rejects the calls that waited for it', async () => {
    const workers = await FaultPool.start({}, 'crash')

    expect(await codeOf(workers.call('echo'))).toBe('model_unavailable')
  })
})

test('tries again when the model cannot be loaded after a crash', async () => {
  const workers = await FaultPool.ready()
  await workers.order('missing')
  process.kill(workers.pids().python, 'SIGKILL')
  await workers.log.line(/there is no model at .*; starting again in/)

  await workers.order('load')

  expect(await codeOf(workers.call('echo'))).toBe('answered')
})
