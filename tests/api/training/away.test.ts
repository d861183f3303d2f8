import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { Latch } from '../../helpers/fake-worker.ts'
import { formWith, injected } from '../../helpers/forms.ts'
import { pngBytes } from '../../helpers/pictures.ts'
import { RedisProcess } from '../../helpers/redis-process.ts'
import { createJob, DATASET, queueReady, runOf, untilStatus } from '../../helpers/training.ts'
import { openTrainingGateway, type TrainingGateway } from '../../helpers/training-gateway.ts'
import { until } from '../../worker-bridge/fixtures/processes.ts'
import { GatewayProcess } from './fixtures/gateway-process.ts'

const URL = '/v1/training-jobs'
const png = await pngBytes()

let redis: RedisProcess
let gateway: TrainingGateway

beforeEach(async () => {
  redis = await RedisProcess.choose()
})

afterEach(async () => {
  await gateway.close()
  await redis.kill()
})

async function open(): Promise<void> {
  gateway = await openTrainingGateway({ settings: { REDIS_URL: redis.url } })
}

function create() {
  const payload = { recipe: 'ref', dataset: DATASET }
  return gateway.app.inject({ method: 'POST', url: URL, payload })
}

/** That nothing can be changed, and that everything else works. */
async function expectAway(job?: string): Promise<void> {
  const changes = [
    await create(),
    ...(job === undefined
      ? []
      : await Promise.all(
          ['cancel', 'pause', 'resume'].map((change) =>
            gateway.app.inject({ method: 'POST', url: `${URL}/${job}/${change}` }),
          ),
        )),
  ]
  const list = await gateway.app.inject(URL)
  const caption = await gateway.app.inject({
    method: 'POST',
    url: '/v1/caption',
    ...(await injected(formWith(png))),
  })

  for (const reply of changes) {
    expect(reply.json()).toMatchObject({ status: 503, code: 'queue_unavailable' })
    expect(reply.headers['retry-after']).toBe('1')
  }
  expect([list.statusCode, caption.statusCode]).toEqual([200, 200])
}

function timesSaid(pattern: RegExp): number {
  return gateway.lines.filter(({ msg }) => pattern.test(String(msg))).length
}

describe('a Redis that is away', () => {
  test('at the start hinders nothing but changes of jobs, and is used when it comes', async () => {
    await open()
    await until(() => timesSaid(/queue is away/) > 0)
    await expectAway()
    expect(gateway.training.store.ids()).resolves.toEqual([])

    await redis.start()
    const run = await createJob(gateway)

    await untilStatus(gateway, run, 'succeeded')
  })

  test('later leaves the running job alone, and knows it again when it is back', async () => {
    await redis.start()
    await open()
    const started = new Latch()
    const goOn = new Latch()
    gateway.workshop.piece = () => {
      started.open()
      return goOn.opened
    }
    const run = await createJob(gateway)
    const waiting = await createJob(gateway)
    await started.opened

    await redis.kill()
    await until(() => timesSaid(/queue is away/) > 0)
    await expectAway(waiting.record.id)
    goOn.open()
    await untilStatus(gateway, run, 'succeeded')
    await redis.start()
    await queueReady(gateway)

    // It came back without what it knew.
    await untilStatus(gateway, waiting, 'succeeded')
    await untilStatus(gateway, await runOf(gateway, (await create()).json().id), 'succeeded')
  })

  test('is told of once, however often it is tried', async () => {
    await redis.start()
    await open()
    await queueReady(gateway)
    let tries = 0
    gateway.training.bull.client.on('reconnecting', () => {
      tries += 1
    })

    await redis.kill()
    await until(() => tries >= 5)

    expect(timesSaid(/queue is away/)).toBe(1)
  })

  test('keeps no gateway from ending that was at work', async () => {
    await redis.start()
    gateway = await openTrainingGateway({
      settings: { REDIS_URL: redis.url, PIXELLLM_TRAINING: 'off' },
    })
    const other = new GatewayProcess(gateway.folder, 3, 60_000, redis.url)
    const run = await createJob(gateway)
    await other.reaches(3)

    await redis.kill()
    other.goOn()
    await untilStatus(gateway, run, 'succeeded')

    expect(await other.close()).toBe(0)
  })

  test('does not answer: changes are refused within their time, and work when it does', async () => {
    await redis.start()
    gateway = await openTrainingGateway({
      settings: { REDIS_URL: redis.url },
      limits: { queue_ms: 200 },
    })
    const run = await createJob(gateway)
    await untilStatus(gateway, run, 'succeeded')

    redis.freeze()
    await expectAway()
    redis.thaw()

    await until(async () => (await create()).statusCode === 201)
  })
})
