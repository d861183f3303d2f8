import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { z } from 'zod'
import { errorEntry, operations } from '../../schemas/index.ts'
import { WorkerError } from '../../worker-bridge/index.ts'
import { Latch } from '../helpers/fake-worker.ts'
import { formWith } from '../helpers/forms.ts'
import { type Gateway, openGateway } from '../helpers/gateway.ts'
import { pngBytes } from '../helpers/pictures.ts'
import { postForm } from '../helpers/requests.ts'
import { createJob, untilEvent, untilStatus } from '../helpers/training.ts'
import { openTrainingGateway, type TrainingGateway } from '../helpers/training-gateway.ts'
import { until } from '../worker-bridge/fixtures/processes.ts'

const png = await pngBytes(40, 30)

let gateway: Gateway

beforeEach(async () => {
  gateway = await openGateway()
})

afterEach(() => gateway.close())

async function scrape(): Promise<string[]> {
  const reply = await gateway.app.inject('/metrics')
  expect(reply.statusCode).toBe(200)
  expect(reply.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8')
  return reply.payload.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
}

/** The value of one series, written as it stands in the text. */
async function read(series: string): Promise<number> {
  const line = (await scrape()).find((line) => line.startsWith(`${series} `))
  return Number(line?.slice(series.length + 1))
}

describe('requests', () => {
  test('are counted by method, route and status', async () => {
    const { id } = (await postForm(gateway, '/v1/images', formWith(png))).json()
    await gateway.app.inject(`/v1/images/${id}`)
    await gateway.app.inject(`/v1/images/img_${'0'.repeat(32)}`)

    const series = 'pixelllm_http_requests_total{method="GET",route="/v1/images/{id}",status='
    expect(await read(`${series}"200"}`)).toBe(1)
    expect(await read(`${series}"404"}`)).toBe(1)
    expect(await read('pixelllm_problems_total{code="image_not_found"}')).toBe(1)
    expect(
      await read('pixelllm_http_request_seconds_count{method="GET",route="/v1/images/{id}"}'),
    ).toBe(2)
  })

  test('that are under way are known', async () => {
    expect(await read('pixelllm_http_requests_in_flight')).toBe(1)
  })

  test('have no label that a caller chose', async () => {
    await postForm(gateway, '/v1/images', formWith(png))
    await gateway.app.inject('/secret-path?secret=1')
    await gateway.app.inject({ url: '/v1/images/secret-id', headers: { 'x-request-id': 'secret' } })
    await postForm(gateway, '/v1/locate', formWith(png, { phrase: 'secret', model: 'secret' }))
    await postForm(gateway, '/v1/locate', formWith(png, { phrase: 'secret' }))

    const lines = await scrape()

    const paths = new Set([...operations.map(({ path }) => path), 'other'])
    const routes = lines.flatMap((line) => /route="([^"]*)"/.exec(line)?.[1] ?? [])
    expect(lines.join('\n')).not.toMatch(/secret|img_/)
    expect(routes.length).toBeGreaterThan(0)
    expect(routes.filter((route) => !paths.has(route))).toEqual([])
  })

  test('that are refused have the code of the problem', async () => {
    gateway.worker.respond = async () => {
      throw new WorkerError('queue_full', 'the queue holds 64 calls')
    }

    await postForm(gateway, '/v1/caption', formWith(png))

    const status = errorEntry('queue_full').status
    expect(await read('pixelllm_problems_total{code="queue_full"}')).toBe(1)
    expect(
      await read(
        `pixelllm_http_requests_total{method="POST",route="/v1/caption",status="${status}"}`,
      ),
    ).toBe(1)
  })
})

describe('tasks', () => {
  test.each(['application/json', 'text/event-stream', 'image/png'])(
    'have their time split into stages, as %s',
    async (accept) => {
      await postForm(gateway, '/v1/caption', formWith(png), { accept })

      const sum = (labels: string) =>
        read(`pixelllm_request_stage_seconds_sum{task="caption",${labels}}`)
      expect(await sum('stage="queue"')).toBeCloseTo(0.001)
      expect(await sum('stage="input"')).toBeCloseTo(0.002)
      expect(await sum('stage="infer"')).toBeCloseTo(0.007)
      expect(await sum('stage="output"')).toBeGreaterThan(0)
      const part = (name: string) =>
        read(`pixelllm_infer_seconds_sum{task="caption",part="${name}"}`)
      expect(await part('encode')).toBeCloseTo(0.003)
      expect(await part('decode')).toBeCloseTo(0.004)
    },
  )
})

describe('workers', () => {
  test('have a state, calls and restarts', async () => {
    gateway.worker.details = {
      ...gateway.worker.details,
      state: 'unresponsive',
      load: 3,
      starts: 4,
    }

    expect(await read('pixelllm_worker_state{worker="0",state="unresponsive"}')).toBe(1)
    expect(await read('pixelllm_worker_state{worker="0",state="ready"}')).toBe(0)
    expect(await read('pixelllm_worker_calls{worker="0"}')).toBe(3)
    expect(await read('pixelllm_worker_restarts_total{worker="0"}')).toBe(3)
  })

  test('share a slab', async () => {
    expect(await read('pixelllm_slab_bytes{use="used"}')).toBe(25)
    expect(await read('pixelllm_slab_bytes{use="free"}')).toBe(75)
  })

  const work = {
    cache_hits: 5,
    cache_misses: 2,
    steps: [
      {
        step: 'decode' as const,
        seconds: 1.5,
        sizes: [
          [1, 2],
          [4, 1],
        ] as [number, number][],
      },
    ],
  }

  test('have batches, by their size', async () => {
    gateway.worker.details = { ...gateway.worker.details, work }

    expect(await read('pixelllm_batch_size_count{step="decode"}')).toBe(3)
    expect(await read('pixelllm_batch_size_sum{step="decode"}')).toBe(6)
    expect(await read('pixelllm_batch_size_bucket{le="2",step="decode"}')).toBe(2)
    expect(await read('pixelllm_step_seconds_total{step="decode"}')).toBe(1.5)
    expect(await read('pixelllm_feature_cache_lookups_total{result="hit"}')).toBe(5)
  })

  test('go on being counted when one starts again', async () => {
    gateway.worker.details = { ...gateway.worker.details, starts: 1, work }
    await scrape()
    const after = { ...work, cache_hits: 1, steps: [] }

    gateway.worker.details = { ...gateway.worker.details, starts: 2, work: after }
    await scrape()
    gateway.worker.details = { ...gateway.worker.details, work: { ...after, cache_hits: 4 } }

    expect(await read('pixelllm_feature_cache_lookups_total{result="hit"}')).toBe(9)
    expect(await read('pixelllm_batch_size_count{step="decode"}')).toBe(3)
  })
})

describe('training', () => {
  let trainer: TrainingGateway

  beforeEach(async () => {
    trainer = await openTrainingGateway()
  })

  afterEach(() => trainer.close())

  /** The series of a metric when the jobs have been looked at, which happens again and again. */
  async function when(series: string): Promise<string> {
    let found = ''
    await until(async () => {
      found = (await trainer.app.inject('/metrics')).payload
      return found.split('\n').includes(series)
    })
    return found
  }

  test('has jobs by status, and how far those are that run', async () => {
    const held = new Latch()
    trainer.workshop.piece = async ({ step }) => {
      if (step === 3) await held.opened
    }
    const run = await createJob(trainer)
    await createJob(trainer)
    await untilEvent(trainer, run, ({ data }) => data.step === 2)

    const text = await when('pixelllm_training_steps{steps="done"} 2')

    held.open()
    expect(text).toContain('pixelllm_training_jobs{status="running"} 1\n')
    expect(text).toContain('pixelllm_training_jobs{status="queued"} 1\n')
    expect(text).toContain('pixelllm_training_steps{steps="left"} 2\n')
    expect(text).toContain('pixelllm_training_images_per_second 8\n')
    expect(text).toContain('pixelllm_training_queue_up 1\n')
  })

  test('has the ends of jobs, by status and code', async () => {
    const done = await createJob(trainer)
    await untilStatus(trainer, done, 'succeeded')
    trainer.workshop.piece = async () => {
      throw new WorkerError('training_diverged', 'no finite loss')
    }
    const failed = await createJob(trainer)
    await untilStatus(trainer, failed, 'failed')

    const series = 'pixelllm_training_job_ends_total{status="failed",code="training_diverged"} 1'
    const text = await when(series)

    expect(text).toContain('pixelllm_training_job_ends_total{status="succeeded",code=""} 1\n')
    expect(text).toContain('pixelllm_training_job_seconds_count{status="succeeded"} 1\n')
    expect(text).toContain('pixelllm_training_jobs{status="failed"} 1\n')
    expect(text).toContain('pixelllm_training_jobs{status="running"} 0\n')
  })

  test('counts no job as ended that had ended before it was started', async () => {
    const { folder } = trainer
    const run = await createJob(trainer)
    await untilStatus(trainer, run, 'succeeded')

    const again = await openTrainingGateway({ folder })
    await until(async () => again.training.counts.jobs.get('succeeded') === 1)
    const { ends } = again.training.counts
    await again.close()

    expect(ends).toEqual([])
  })

  test('says that the queue is away, and which models are active', async () => {
    expect(await read('pixelllm_training_queue_up')).toBe(0)
    expect(await read('pixelllm_models_active')).toBe(1)
  })
})

const Dashboard = z.object({
  panels: z.array(z.object({ targets: z.array(z.object({ expr: z.string() })) })).min(1),
})

test('every metric of the dashboard is there', async () => {
  const dashboard = Dashboard.parse(JSON.parse(readFileSync('docker/grafana.json', 'utf8')))
  const expressions = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
  const used = expressions.flatMap((expr) => expr.match(/\b(?:pixelllm|process|nodejs)_\w+/g) ?? [])
  const text = (await gateway.app.inject('/metrics')).payload

  const types = new Map(
    Array.from(text.matchAll(/^# TYPE (\w+) (\w+)$/gm), ([, name = '', type = '']) => [name, type]),
  )
  const known = [...types].flatMap(([name, type]) =>
    type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  )
  expect(used.length).toBeGreaterThan(expressions.length - 1)
  expect(used.filter((name) => !known.includes(name))).toEqual([])
})

test('every metric is in the manual', async () => {
  const manual = readFileSync('docs/operations.md', 'utf8')
  const text = (await gateway.app.inject('/metrics')).payload

  const names = Array.from(text.matchAll(/^# TYPE (\w+) /gm), ([, name = '']) => name)
  expect(names.filter((name) => !manual.includes(`\`${name}\``))).toEqual([])
})
