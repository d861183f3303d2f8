import { access, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Run } from '../../../api/training/run.ts'
import { Latch } from '../../helpers/fake-worker.ts'
import {
  createJob,
  openTraining,
  queueReady,
  reportsOf,
  runOf,
  statusesOf,
  type TrainingPlace,
  untilEvent,
  untilStatus,
} from '../../helpers/training.ts'
import { gone, until } from '../../worker-bridge/fixtures/processes.ts'
import { GatewayProcess } from './fixtures/gateway-process.ts'

let folder: string
const places: TrainingPlace[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelllm-faults-'))
})

afterEach(async () => {
  const overlaps = places.flatMap(({ workshop }) => workshop.overlaps)
  await Promise.all(places.splice(0).map((place) => place.close()))
  await rm(folder, { recursive: true, force: true })
  expect(overlaps).toEqual([])
})

async function open(options: Parameters<typeof openTraining>[0] = {}): Promise<TrainingPlace> {
  const place = await openTraining({ folder, ...options })
  places.push(place)
  return place
}

/** Ends the server of the queue in the hardest way, and waits until it is there again. */
async function killServer(place: TrainingPlace): Promise<void> {
  await queueReady(place)
  const { client } = place.training.bull
  const info = await client.info('server')
  const pid = Number(/process_id:(\d+)/.exec(info)?.[1])
  process.kill(pid, 'SIGKILL')
  await gone(pid)
  await until(() => client.status !== 'ready')
}

describe('a server of the queue that is killed', () => {
  test('in the middle of a job leaves it alone', async () => {
    const place = await open()
    place.workshop.piece = async ({ step }) => {
      if (step === 3) await killServer(place)
    }
    const run = await createJob(place)

    await untilStatus(place, run, 'succeeded')

    expect(await statusesOf(run)).toEqual(['queued', 'running', 'succeeded'])
    expect(await readdir(join(run.folder, 'attempts'))).toEqual(['000001'])
    expect(await reportsOf(run)).toEqual([1, 2, 3, 4])
  })

  test('again and again loses no job and does none twice', async () => {
    const place = await open()
    const runs: Run[] = []
    for (let i = 0; i < 40; i += 1) {
      if (i % 10 === 5) await killServer(place)
      runs.push(await createJob(place))
    }

    for (const run of runs) await untilStatus(place, run, 'succeeded')

    const steps = place.workshop.pieces.map(({ job, step }) => `${job} ${step}`)
    expect(new Set(steps).size).toBe(steps.length)
    expect(steps.length).toBe(runs.length * place.workshop.steps)
  })

  test('and has lost all that it knew is told again', async () => {
    const place = await open()
    const started = new Latch()
    const goOn = new Latch()
    place.workshop.piece = () => {
      started.open()
      return goOn.opened
    }
    const runs = [await createJob(place), await createJob(place), await createJob(place)]
    await started.opened

    await place.training.bull.client.flushall()
    goOn.open()
    for (const run of runs) await untilStatus(place, run, 'succeeded')

    for (const run of runs) expect(await reportsOf(run)).toEqual([1, 2, 3, 4])
  })
})

describe('two gateways on one data folder', () => {
  test('share one server, and the second has one when the first ends', async () => {
    const first = await open()
    await queueReady(first)
    const second = await open({ settings: { PIXELLLM_TRAINING: 'off' } })
    await queueReady(second)
    const run = await createJob(second)
    await untilStatus(second, run, 'succeeded')
    expect(first.workshop.pieces).toHaveLength(4)

    const away = new Promise((resolve) => second.training.bull.client.once('close', resolve))
    await first.close()
    await away

    const later = await createJob(second)
    expect((await later.job()).status).toBe('queued')
  })

  test('do a job once that the queue gives to both', async () => {
    const first = await open()
    const reached = new Latch()
    const goOn = new Latch()
    first.workshop.piece = async ({ step }) => {
      if (step < 3) return
      reached.open()
      await goOn.opened
    }
    const run = await createJob(first)
    await reached.opened
    const second = await open()

    const { bull } = first.training
    await bull.client
      .multi()
      .del(bull.toKey(`${run.record.id}:lock`))
      .lrem(bull.toKey('active'), 1, run.record.id)
      .rpush(bull.toKey('wait'), run.record.id)
      .exec()
    await until(() => exists(join(run.folder, 'attempts', '000002')))
    goOn.open()
    await untilStatus(second, await runOf(second, run.record.id), 'succeeded')

    expect(await reportsOf(run)).toEqual([1, 2, 3, 4])
    expect(second.workshop.pieces.map(({ attempt }) => attempt)).toEqual([2, 2])
  })

  test('do a job once where one is frozen for longer than its lock', async () => {
    const frozen = new GatewayProcess(folder, 3, 400)
    const place = await open({ limits: { lock_ms: 400, lock_renew_ms: 100 } })
    // The job is theirs: this one has another to do.
    const goOn = new Latch()
    place.workshop.piece = ({ job }) => (job === busy.record.id ? goOn.opened : Promise.resolve())
    const busy = await createJob(place)
    await untilStatus(place, busy, 'running')
    const run = await createJob(place)
    await frozen.reaches(3)

    frozen.signal('SIGSTOP')
    goOn.open()
    await until(() => exists(join(run.folder, 'attempts', '000002')))
    frozen.signal('SIGCONT')
    frozen.goOn()
    await untilStatus(place, run, 'succeeded')
    await frozen.close()

    expect(await statusesOf(run)).toEqual(['queued', 'running', 'running', 'succeeded'])
    expect(await reportsOf(run)).toEqual([1, 2, 3, 4])
  })
})

describe('a gateway that is killed', () => {
  test('leaves its job to the next one, which need not wait for the lock', async () => {
    const killed = new GatewayProcess(folder, 3, 3_600_000)
    const watching = await open({ settings: { PIXELLLM_TRAINING: 'off' } })
    const run = await createJob(watching)
    await killed.reaches(3)

    killed.signal('SIGKILL')
    const next = await open({ limits: { lock_ms: 3_600_000 } })
    await untilStatus(next, await runOf(next, run.record.id), 'succeeded')
    await killed.close()

    expect(await statusesOf(run)).toEqual(['queued', 'running', 'running', 'succeeded'])
    expect(await reportsOf(run)).toEqual([1, 2, 3, 4])
  })

  test('does what it was asked before it died', async () => {
    const killed = new GatewayProcess(folder, 3, 3_600_000)
    const watching = await open({ settings: { PIXELLLM_TRAINING: 'off' } })
    const run = await createJob(watching)
    await killed.reaches(3)

    await watching.training.cancel(run.record.id)
    killed.signal('SIGKILL')
    const next = await open()
    await untilEvent(next, run, ({ data }) => data.status === 'cancelled')
    await killed.close()

    expect(await reportsOf(run)).toEqual([1, 2])
  })
})

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
