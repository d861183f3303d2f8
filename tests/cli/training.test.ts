import { readFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Ended } from '../helpers/command-line.ts'
import { runHere } from '../helpers/fake-terminal.ts'
import { dataset, FakeTrainingApi, happenings, job, model } from '../helpers/fake-training-api.ts'

const archive = 'samples/street.png'

let api: FakeTrainingApi
let address: string

beforeEach(async () => {
  api = new FakeTrainingApi()
  address = await api.open()
})

afterEach(() => api.close())

const ask = (...args: string[]): Promise<Ended> => runHere(address, args)

describe('datasets', () => {
  test('are sent and waited for', async () => {
    const { code, out } = await ask('datasets', 'upload', archive, '--name', 'boats')

    expect(code).toBe(0)
    expect(out).toContain(`${dataset.id} is ready\n  2 images\n  1 captions\n`)
    expect(api.asked[0]?.body.includes(await readFile(archive))).toBe(true)
    expect(api.asked[0]?.body.includes('boats')).toBe(true)
  })

  test('show a person how far they are sent', async () => {
    const { err } = await runHere(address, ['datasets', 'upload', archive], { isTTY: true })

    expect(err).toContain('[........................] 0.0 MB/0.1 MB')
    expect(err).toContain('[########################] 0.1 MB/0.1 MB')
  })

  test('are not waited for where that is asked', async () => {
    const { out } = await ask('datasets', 'upload', archive, '--no-wait')

    expect(out).toBe(`${dataset.id}\n`)
    expect(api.asked).toHaveLength(1)
  })

  test('with faults fail and say where', async () => {
    api.faults = [
      { file: 'data.jsonl', line: 3, message: 'there is no image boat.png' },
      { file: 'images', line: null, message: 'it is empty' },
    ]

    const { code, out } = await ask('datasets', 'upload', archive)

    expect(code).toBe(1)
    expect(out).toContain(`${dataset.id} is invalid\n`)
    expect(out).toContain('data.jsonl:3: there is no image boat.png\nimages: it is empty\n')
  })

  test('are registered, listed, shown and deleted', async () => {
    const registered = await ask('datasets', 'register', 'scenes', '--no-wait', '--json')
    const listed = await ask('datasets', 'list')
    const shown = await ask('datasets', 'show', dataset.id)
    const deleted = await ask('datasets', 'delete', dataset.id)

    expect(JSON.parse(registered.out)).toMatchObject({ root: 'scenes' })
    expect(listed.out.split('\n')[0]).toBe(`${dataset.id}  validating`)
    expect(shown.out).toContain('is validating')
    expect(deleted.out).toBe(`${dataset.id} is deleted\n`)
  })
})

describe('training', () => {
  const asked = ['train', '--recipe', 'ref', '--dataset', dataset.id]

  test('begins a job', async () => {
    const settings = ['--set', 'steps=300', '--set', 'learn=["a"]', '--set', 'note=fast']

    const { out } = await ask(...asked, ...settings, '--seed', '7', '--name', 'boats')

    expect(out).toBe(`${job.id}\n`)
    expect(JSON.parse(`${api.asked[0]?.body}`)).toEqual({
      recipe: 'ref',
      dataset: dataset.id,
      hyperparameters: { steps: 300, learn: ['a'], note: 'fast' },
      seed: 7,
      name: 'boats',
      metadata: {},
    })
  })

  test('begins no second job with the same key', async () => {
    await ask(...asked, '--key', 'mine')

    expect(api.asked[0]?.headers['idempotency-key']).toBe('mine')
  })

  test('tells how it goes, and what to do with the model', async () => {
    const { code, out } = await ask(...asked, '--follow')

    expect(code).toBe(0)
    expect(out.split('\n')).toEqual([
      job.id,
      '12:00:00 it is queued',
      '12:00:00 it is running',
      '12:00:00 step 1',
      '12:00:00 step 2',
      '12:00:00 it is succeeded',
      `pixelllm models activate ${model.id}`,
      '',
    ])
  })
})

describe('jobs', () => {
  test('are followed, an event a line for programs', async () => {
    const { code, out } = await ask('jobs', 'follow', job.id, '--after', '4', '--json')

    const events = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(code).toBe(0)
    expect(events).toEqual(happenings.slice(3))
  })

  test('that fail end with 1', async () => {
    api.end = { status: 'failed', error: { code: 'training_diverged', message: 'no finite loss' } }

    const { code } = await ask('jobs', 'follow', job.id)
    const { out } = await ask('jobs', 'show', job.id)

    expect(code).toBe(1)
    expect(out).toContain('no finite loss (training_diverged)')
  })

  test('are listed, shown, paused, resumed and cancelled', async () => {
    const listed = await ask('jobs', 'list')
    const said = [
      await ask('jobs', 'show', job.id),
      await ask('jobs', 'pause', job.id),
      await ask('jobs', 'resume', job.id),
      await ask('jobs', 'cancel', job.id),
    ]

    expect(listed.out).toBe(`${job.id}  queued  ref\n`)
    expect(said.map(({ out }) => out.split('  ')[1])).toEqual([
      'queued',
      'paused',
      'queued',
      'cancelled',
    ])
  })
})

test('models are activated, deactivated and deleted', async () => {
  const activated = await ask('models', 'activate', model.id, '--default')
  const deactivated = await ask('models', 'deactivate', model.id)
  const deleted = await ask('models', 'delete', model.id)

  expect(activated.out).toBe(`${model.id}  active, default  locate\n`)
  expect(deactivated.out).toBe(`${model.id}  inactive  locate\n`)
  expect(deleted.out).toBe(`${model.id} is deleted\n`)
})
