/** Orders: trained models that come and go in all workers, recipes that are checked, training. */
import { jest } from '@jest/globals'
import { codeOf, FaultPool } from './fixtures/fault-pool.ts'
import { jobThatEnds, plan, unheard } from './fixtures/jobs.ts'
import { gone, until } from './fixtures/processes.ts'

jest.setTimeout(60_000)

const PATIENT = { timeout_ms: 20_000 }

afterEach(() => FaultPool.closeAll())

describe('a trained model', () => {
  test('is loaded in every worker', async () => {
    const workers = await FaultPool.ready({ workers: 2 })
    await until(() => workers.pool.inspect().workers.every(({ state }) => state === 'ready'))

    const loaded = await workers.pool.load(await workers.trained('fault-ft'), PATIENT)

    expect(loaded.id).toBe('fault-ft')
    expect(modelsOf(workers)).toEqual([
      ['fault', 'fault-ft'],
      ['fault', 'fault-ft'],
    ])
    expect(workers.pool.status().models.map(({ id }) => id)).toEqual(['fault', 'fault-ft'])
    expect(await codeOf(workers.call('echo', { model: 'fault-ft' }))).toBe('answered')
  })

  test('is loaded by a worker that starts again', async () => {
    const workers = await FaultPool.ready()
    await workers.pool.load(await workers.trained('fault-ft'), PATIENT)
    const { python } = workers.pids()

    process.kill(python, 'SIGKILL')

    await gone(python)
    expect(await codeOf(workers.call('echo', { model: 'fault-ft' }))).toBe('answered')
    expect(workers.pool.inspect().workers[0]?.starts).toBe(2)
  })

  test('is not loaded twice by a worker that had it in its settings', async () => {
    const workers = await FaultPool.start()
    const model = await workers.trained('fault-ft')
    await workers.close()

    const again = await FaultPool.ready({ models: [model] })

    // Its file went with the first pool, so it is left out, and its calls say so.
    expect(await codeOf(again.call('echo', { model: 'fault-ft' }))).toBe('model_unavailable')
    expect(await codeOf(again.call('echo'))).toBe('answered')
    expect(again.pool.status().models.map(({ id }) => id)).toEqual(['fault'])
  })

  test('is left out when two processes have died of it, and others are not', async () => {
    const workers = await FaultPool.ready()
    const [deadly, harmless] = [await workers.trained('deadly'), await workers.trained('harmless')]
    await workers.pool.load(deadly, PATIENT)
    await workers.pool.load(harmless, PATIENT)
    await workers.trained('deadly', 'crash')
    const { python } = workers.pids()

    process.kill(python, 'SIGKILL')

    await gone(python)
    await workers.log.line(/the model deadly is left out: the worker died 2 times/)
    expect(await codeOf(workers.call('echo', { model: 'harmless' }))).toBe('answered')
    const { models, faults } = workers.pool.status()
    expect(models.map(({ id }) => id)).toEqual(['fault', 'harmless'])
    expect([...faults]).toEqual([['deadly', 'the worker died 2 times while it loaded it']])
    expect(await codeOf(workers.call('echo', { model: 'deadly' }))).toBe('model_not_found')
  })

  test('that is left out comes back when it is loaded at last', async () => {
    const workers = await FaultPool.ready()
    const model = await workers.trained('deadly', 'crash')
    await codeOf(workers.pool.load(model, PATIENT))
    await codeOf(workers.pool.load(model, PATIENT))
    const { faults } = workers.pool.status()

    await workers.trained('deadly', 'load')
    await workers.pool.load(model, PATIENT)

    expect(faults.has('deadly')).toBe(true)
    expect(workers.pool.status().faults.size).toBe(0)
    expect(await codeOf(workers.call('echo', { model: 'deadly' }))).toBe('answered')
  })

  test('that kills the first process does not keep the workers from starting', async () => {
    const earlier = await FaultPool.start()
    const deadly = await earlier.trained('deadly', 'crash')

    const workers = await FaultPool.ready({ models: [deadly] })

    await workers.log.line(/the model deadly is left out/)
    expect(await codeOf(workers.call('echo'))).toBe('answered')
    expect(workers.pool.inspect().workers[0]?.starts).toBe(4)
  })

  test('comes to a worker whose start began before it was loaded', async () => {
    const workers = await FaultPool.ready({ workers: 2 })
    await until(() => workers.pool.inspect().workers.every(({ state }) => state === 'ready'))
    await workers.order('wait')
    process.kill(workers.pids(0).python, 'SIGKILL')
    await until(() => workers.pool.inspect().workers[0]?.starts === 2)

    await workers.pool.load(await workers.trained('fault-ft'), PATIENT)
    await workers.order('load')

    await until(() => modelsOf(workers)[0]?.includes('fault-ft') === true)
    expect(modelsOf(workers)).toEqual([
      ['fault', 'fault-ft'],
      ['fault', 'fault-ft'],
    ])
  })

  test('goes from a worker whose start began before it was unloaded', async () => {
    const workers = await FaultPool.ready({ workers: 2 })
    await until(() => workers.pool.inspect().workers.every(({ state }) => state === 'ready'))
    await workers.pool.load(await workers.trained('fault-ft'), PATIENT)
    await workers.order('wait')
    process.kill(workers.pids(0).python, 'SIGKILL')
    await until(() => workers.pool.inspect().workers[0]?.starts === 2)

    await workers.pool.unload('fault-ft', PATIENT)
    await workers.order('load')

    await until(() => workers.pool.inspect().workers[0]?.state === 'ready')
    await until(() => modelsOf(workers)[0]?.includes('fault-ft') === false)
    expect(modelsOf(workers)).toEqual([['fault'], ['fault']])
  })

  test('whose loading ends Python is not loaded by the next', async () => {
    const workers = await FaultPool.ready()
    const model = await workers.trained('fault-ft', 'crash')

    expect(await codeOf(workers.pool.load(model, PATIENT))).toBe('worker_crashed')

    expect(await codeOf(workers.call('echo'))).toBe('answered')
    expect(modelsOf(workers)).toEqual([['fault']])
    expect(workers.pool.inspect().workers[0]?.starts).toBe(2)
  })

  test('is waited for no longer than the server runs', async () => {
    const workers = await FaultPool.ready()
    const loading = codeOf(workers.pool.load(await workers.trained('fault-ft', 'hang'), PATIENT))
    await until(() => workers.log.lines.length >= 0)

    await workers.pool.close()

    expect(await loading).toBe('shutting_down')
  })

  test('is gone when it was unloaded, also after a crash', async () => {
    const workers = await FaultPool.ready()
    await workers.pool.load(await workers.trained('fault-ft'), PATIENT)

    await workers.pool.unload('fault-ft', PATIENT)

    expect(modelsOf(workers)).toEqual([['fault']])
    expect(await codeOf(workers.call('echo', { model: 'fault-ft' }))).toBe('model_not_found')
    process.kill(workers.pids().python, 'SIGKILL')
    await until(() => workers.pool.inspect().workers[0]?.starts === 2)
    await workers.pool.ready()
    expect(modelsOf(workers)).toEqual([['fault']])
  })
})

describe('a recipe', () => {
  test('is not checked for longer than its deadline', async () => {
    const workers = await FaultPool.ready()
    process.kill(workers.pids().python, 'SIGSTOP')

    expect(await codeOf(workers.pool.check(plan(7), { timeout_ms: 200 }))).toBe('deadline_exceeded')
  })
})

describe('training', () => {
  test('that is aborted while no worker is ready does not begin', async () => {
    const workers = await FaultPool.start({}, 'wait')
    const controller = new AbortController()
    const training = workers.pool.train(await jobThatEnds(workers, 'crash'), controller)

    controller.abort()

    expect(await training).toBe('stopped')
  })

  test('is told when its worker dies', async () => {
    const workers = await FaultPool.ready()
    const training = codeOf(
      workers.pool.train(await jobThatEnds(workers, 'wait'), { signal: unheard() }),
    )
    await until(() => workers.pool.inspect().workers[0]?.trains === true)

    process.kill(workers.pids().python, 'SIGKILL')

    expect(await training).toBe('worker_crashed')
    expect(await codeOf(workers.call('echo'))).toBe('answered')
  })

  test('is told that the server shuts down', async () => {
    const workers = await FaultPool.ready()
    const training = codeOf(
      workers.pool.train(await jobThatEnds(workers, 'wait'), { signal: unheard() }),
    )
    await until(() => workers.pool.inspect().workers[0]?.trains === true)

    await workers.pool.close()

    expect(await training).toBe('shutting_down')
  })

  test('of several jobs goes to workers that do not train yet', async () => {
    const workers = await FaultPool.ready({ workers: 2 })
    await until(() => workers.pool.inspect().workers.every(({ state }) => state === 'ready'))
    const controller = new AbortController()
    const waiting = await jobThatEnds(workers, 'wait')
    const begin = () => codeOf(workers.pool.train(waiting, controller))

    const trainings = [begin(), begin()]
    await until(() => workers.pool.inspect().workers.every(({ trains }) => trains))

    expect(await begin()).toBe('queue_full')
    controller.abort()
    expect(await Promise.all(trainings)).toEqual(['answered', 'answered'])
  })
})

function modelsOf({ pool }: FaultPool): (readonly string[])[] {
  return pool.inspect().workers.map(({ models }) => models)
}
