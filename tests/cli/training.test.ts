/** Datasets, training jobs and models from the command line, on a real server that trains. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { type TrainingEvent, TrainingJob } from '../../schemas/index.ts'
import { PixelLLM } from '../../sdk/src/index.ts'
import { tarOf } from '../helpers/archives.ts'
import type { Ended } from '../helpers/command-line.ts'
import { datasetFiles } from '../helpers/datasets.ts'
import { runHere } from '../helpers/fake-terminal.ts'
import { ServerProcess } from '../helpers/server-process.ts'
import { ENDLESS, QUICK, sceneArchive } from '../helpers/training-service.ts'

jest.setTimeout(120_000)

let folder: string
let address: string
let client: PixelLLM
/** A file of scenes. */
let archive: string
let dataset: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelllm-cli-'))
  const settings = { PIXELLLM_DATASET_ROOTS: `boats=${folder}` }
  address = await (await ServerProcess.start(settings)).address()
  client = new PixelLLM({ baseUrl: address })
  archive = join(folder, 'scenes.tar.gz')
  await writeFile(archive, (await sceneArchive(8)).stream())
  dataset = JSON.parse((await ask('datasets', 'upload', archive, '--json')).out).id
})

afterAll(async () => {
  await ServerProcess.killAll()
  await rm(folder, { recursive: true, force: true })
})

const ask = (...args: string[]): Promise<Ended> => runHere(address, args)

function train(steps: number, ...more: string[]): Promise<Ended> {
  const settings = Object.entries({ ...QUICK, steps }).flatMap(([name, value]) => [
    '--set',
    `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  ])
  return ask('train', '--recipe', 'trace', '--dataset', dataset, ...settings, ...more)
}

/** Waits until a job has another status. */
async function until(id: string, status: TrainingJob['status']): Promise<void> {
  for await (const { data } of client.trainingJobs.events(id)) if (data.status === status) return
  throw new Error(`the job has ended and was never ${status}`)
}

describe('datasets', () => {
  test('are sent and waited for', async () => {
    const { code, out } = await ask('datasets', 'upload', archive, '--name', 'boats')

    expect(code).toBe(0)
    expect(out).toContain(`${dataset} is ready\n  8 images\n  8 captions\n`)
  })

  test('show a person how far they are sent', async () => {
    const { err } = await runHere(address, ['datasets', 'upload', archive], { isTTY: true })

    expect(err).toContain('[........................] 0.0 MB/')
    expect(err).toContain('[########################] ')
  })

  test('are not waited for where that is asked', async () => {
    const { out } = await ask('datasets', 'upload', archive, '--no-wait')

    expect(out).toBe(`${dataset}\n`)
  })

  test('with faults fail and say where', async () => {
    const faulty = join(folder, 'faulty.tar')
    const region = { box: [0, 0, 5000, 10], caption: 'a boat' }
    await writeFile(faulty, tarOf(datasetFiles({ image: 'a.png', regions: [region] })))

    const { code, out } = await ask('datasets', 'upload', faulty)

    expect(code).toBe(1)
    expect(out).toMatch(/^ds_\w+ is invalid\n(.*\n)*data\.jsonl:1: .*box/)
  })

  test('are registered, listed, shown and deleted', async () => {
    const registered = await ask('datasets', 'register', 'boats', '--no-wait', '--json')
    const { id } = JSON.parse(registered.out)
    await client.datasets.wait(id)
    const listed = await ask('datasets', 'list')
    const shown = await ask('datasets', 'show', id)
    const deleted = await ask('datasets', 'delete', id)

    expect(JSON.parse(registered.out)).toMatchObject({ root: 'boats' })
    expect(listed.out).toContain(`${dataset}  ready`)
    expect(shown.out).toContain(`${id} is invalid\n`)
    expect(deleted.out).toBe(`${id} is deleted\n`)
    expect((await ask('datasets', 'list')).out).not.toContain(id)
  })
})

describe('a job', () => {
  test('is trained and followed to its model, which is activated and deleted', async () => {
    const { code, out } = await train(3, '--name', 'boats', '--seed', '7', '--follow')

    expect(code).toBe(0)
    const lines = out.trimEnd().split('\n')
    const job = TrainingJob.parse(
      JSON.parse((await ask('jobs', 'show', lines[0] ?? '', '--json')).out),
    )
    const model = job.model ?? ''
    expect(job).toMatchObject({ status: 'succeeded', name: 'boats', seed: 7, dataset })
    expect(job.hyperparameters).toEqual({ ...QUICK, steps: 3 })
    expect(lines.filter((line) => /^\d\d:\d\d:\d\d step \d of 3: /.test(line))).toHaveLength(3)
    expect(lines.at(-1)).toBe(`pixelllm models activate ${model}`)

    const said = [
      await ask('models', 'activate', model, '--default'),
      await ask('models', 'activate', 'tiny', '--default'),
      await ask('models', 'deactivate', model),
      await ask('models', 'delete', model),
    ]
    expect(said.map(({ out }) => out.split('  ').slice(0, 2).join('  '))).toEqual([
      `${model}  active, default`,
      'tiny  active, default',
      `${model}  inactive`,
      `${model} is deleted\n`,
    ])
  })

  test('with the same key is begun once', async () => {
    const [first, second] = [
      await train(ENDLESS, '--key', 'mine'),
      await train(ENDLESS, '--key', 'mine'),
    ]
    await ask('jobs', 'cancel', first.out.trim())

    expect(first.out).toMatch(/^job_\w{26}\n$/)
    expect(second.out).toBe(first.out)
  })

  test('is followed, an event a line for programs', async () => {
    const id = (await train(2)).out.trim()
    await client.trainingJobs.wait(id)

    const { code, out } = await ask('jobs', 'follow', id, '--after', '2', '--json')

    const events: TrainingEvent[] = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(code).toBe(0)
    expect(events).toEqual(await client.trainingJobs.pastEvents(id, { after: 2 }).all())
  })

  test('that fails ends with 1', async () => {
    const id = (await train(20, '--set', 'optimiser.learning_rate=1e30')).out.trim()

    const { code } = await ask('jobs', 'follow', id)
    const { out } = await ask('jobs', 'show', id)

    expect(code).toBe(1)
    expect(out).toContain('(training_diverged)')
  })

  test('is listed, paused, resumed and cancelled', async () => {
    const id = (await train(ENDLESS)).out.trim()
    await until(id, 'running')

    const paused = await ask('jobs', 'pause', id)
    await until(id, 'paused')
    const listed = await ask('jobs', 'list')
    const resumed = await ask('jobs', 'resume', id)
    const cancelled = await ask('jobs', 'cancel', id)
    const followed = await ask('jobs', 'follow', id)

    expect(paused.out).toMatch(/^job_\w+ {2}(running, asked to pause|paused) {2}trace/)
    expect(listed.out).toMatch(new RegExp(`^${id} +paused +trace +step \\d+ of ${ENDLESS}`))
    expect(resumed.out).toMatch(/^job_\w+ {2}(queued|running) {2}/)
    expect(cancelled.out).toMatch(/^job_\w+ {2}(cancelled|running, asked to cancel) {2}/)
    expect(followed.code).toBe(1)
  })
})
