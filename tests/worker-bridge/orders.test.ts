/** Orders to one Python: what it does, what it refuses, what never ends. */
import { jest } from '@jest/globals'
import { codeOf, FaultPool } from './fixtures/fault-pool.ts'
import { jobThatEnds, plan, unheard } from './fixtures/jobs.ts'
import { until } from './fixtures/processes.ts'

jest.setTimeout(30_000)

const PATIENT = { timeout_ms: 20_000 }
let workers: FaultPool

beforeAll(async () => {
  workers = await FaultPool.ready()
})

afterAll(() => FaultPool.closeAll())

describe('a trained model', () => {
  test('may be loaded again', async () => {
    const model = await workers.trained('again')

    await Promise.all([workers.pool.load(model, PATIENT), workers.pool.load(model, PATIENT)])

    expect(models()).toEqual(['fault', 'again'])
  })

  test('is loaded nowhere when it cannot be loaded', async () => {
    const model = await workers.trained('broken', 'missing')

    await expect(workers.pool.load(model, PATIENT)).rejects.toMatchObject({
      code: 'model_unavailable',
      message: `there is no model ${model.folder}`,
    })

    expect(models()).not.toContain('broken')
    expect(await codeOf(workers.call('echo', { model: 'broken' }))).toBe('model_not_found')
  })

  test('whose loading never ends is given up at its deadline', async () => {
    const model = await workers.trained('slow', 'hang')

    expect(await codeOf(workers.pool.load(model, { timeout_ms: 300 }))).toBe('deadline_exceeded')

    await workers.trained('slow', 'load')
    expect((await workers.pool.load(model, PATIENT)).id).toBe('slow')
  })

  test('is waited for no longer than its deadline while another is loaded', async () => {
    const [hanging, other] = await Promise.all([
      workers.trained('hanging', 'hang'),
      workers.trained('other'),
    ])
    const first = codeOf(workers.pool.load(hanging, { timeout_ms: 1500 }))

    expect(await codeOf(workers.pool.load(other, { timeout_ms: 200 }))).toBe('deadline_exceeded')

    expect(await first).toBe('deadline_exceeded')
    expect((await workers.pool.load(other, PATIENT)).id).toBe('other')
  })

  test('of the settings cannot be unloaded', async () => {
    expect(await codeOf(workers.pool.unload('fault', PATIENT))).toBe('invalid_request')
    expect(await codeOf(workers.call('echo'))).toBe('answered')
  })
})

test('says model_not_found for a model that nobody loaded', async () => {
  await expect(workers.call('echo', { model: 'nobody' })).rejects.toMatchObject({
    code: 'model_not_found',
    message: 'the model nobody is not loaded',
  })
})

describe('a recipe', () => {
  test('is checked by Python', async () => {
    expect(await workers.pool.check(plan(7), PATIENT)).toEqual({ steps: 7 })
  })

  test('that cannot be followed is refused with the reason', async () => {
    await expect(workers.pool.check(plan(0), PATIENT)).rejects.toMatchObject({
      code: 'invalid_request',
      message: 'there is nothing to do',
    })
  })
})

describe('training', () => {
  test.each(['succeeded', 'failed', 'paused', 'cancelled', 'superseded'] as const)(
    'ends as Python says: %s',
    async (outcome) => {
      const ended = workers.pool.train(await jobThatEnds(workers, outcome), { signal: unheard() })

      expect(await ended).toBe(outcome)
    },
  )

  test('stops when it is aborted', async () => {
    const controller = new AbortController()
    const training = workers.pool.train(await jobThatEnds(workers, 'wait'), controller)
    await until(() => workers.pool.inspect().workers[0]?.trains === true)

    controller.abort()

    expect(await training).toBe('stopped')
    expect(workers.pool.inspect().workers[0]?.trains).toBe(false)
  })

  test('that is aborted before it began does not begin', async () => {
    const training = workers.pool.train(await jobThatEnds(workers, 'crash'), {
      signal: AbortSignal.abort(),
    })

    expect(await training).toBe('stopped')
  })
})

function models(): string[] {
  return workers.pool.status().models.map(({ id }) => id)
}
