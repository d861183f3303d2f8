import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { TrainingEvent } from '../../schemas/index.ts'
import { Latch } from '../helpers/fake-worker.ts'
import { createJob, untilStatus } from '../helpers/training.ts'
import { openTrainingGateway, type TrainingGateway } from '../helpers/training-gateway.ts'
import { until } from '../worker-bridge/fixtures/processes.ts'

let gateway: TrainingGateway
let address: string

beforeEach(async () => {
  gateway = await openTrainingGateway({ limits: { followers: 3 } })
  address = await gateway.app.listen({ host: '127.0.0.1', port: 0 })
})

afterEach(() => gateway.close())

class Reader {
  readonly events: TrainingEvent[] = []
  readonly #hangUp = new AbortController()
  readonly ended: Promise<void>
  readonly response: Promise<Response>

  constructor(id: string, headers: Record<string, string> = {}, query = '') {
    this.response = fetch(`${address}/v1/training-jobs/${id}/events${query}`, {
      headers: { accept: 'text/event-stream', ...headers },
      signal: this.#hangUp.signal,
    })
    this.ended = this.#read()
  }

  async hangUp(): Promise<void> {
    this.#hangUp.abort()
    await this.ended.catch(() => {})
  }

  async #read(): Promise<void> {
    const { body } = await this.response
    if (body === null) return
    let rest = ''
    for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
      const blocks = (rest + chunk).split('\n\n')
      rest = blocks.pop() ?? ''
      for (const block of blocks) this.#take(block)
    }
  }

  #take(block: string): void {
    const [, id, name, data = ''] = /^id: (\d+)\nevent: (\w+)\ndata: (.*)$/.exec(block) ?? []
    if (id === undefined) return
    const event = TrainingEvent.parse(JSON.parse(data))
    expect([String(event.id), event.type]).toEqual([id, name])
    this.events.push(event)
  }
}

function idsOf(events: readonly TrainingEvent[]): number[] {
  return events.map(({ id }) => id)
}

describe('a stream of events', () => {
  test('has what happened and what happens, and ends with the job', async () => {
    const goOn = new Latch()
    gateway.workshop.piece = async ({ step }) => {
      if (step === 3) await goOn.opened
    }
    const run = await createJob(gateway)
    const reader = new Reader(run.record.id)
    await until(() => reader.events.some(({ data }) => data.step === 2))

    goOn.open()
    await reader.ended

    const { events } = await run.events.page(0, 1000)
    expect(reader.events).toEqual(events)
    expect(reader.events.at(-1)).toMatchObject({ data: { status: 'succeeded' } })
    expect((await reader.response).headers.get('content-type')).toBe('text/event-stream')
  })

  test('is complete and in order over a lost connection', async () => {
    gateway.workshop.steps = 40
    const goOn = new Latch()
    gateway.workshop.piece = async ({ step }) => {
      if (step === 20) await goOn.opened
    }
    const run = await createJob(gateway)
    const first = new Reader(run.record.id)
    await until(() => first.events.length >= 5)
    await first.hangUp()

    goOn.open()
    const second = new Reader(run.record.id, {
      'last-event-id': String(first.events.at(-1)?.id),
    })
    await second.ended

    const { events } = await run.events.page(0, 1000)
    expect([...first.events, ...second.events]).toEqual(events)
  })

  test('begins where the query says, unless the client remembers better', async () => {
    const run = await createJob(gateway)
    await untilStatus(gateway, run, 'succeeded')
    const { events } = await run.events.page(0, 1000)

    const asked = new Reader(run.record.id, {}, '?after=3')
    const remembered = new Reader(run.record.id, { 'last-event-id': '5' }, '?after=3')
    await Promise.all([asked.ended, remembered.ended])

    expect(idsOf(asked.events)).toEqual(idsOf(events).filter((id) => id > 3))
    expect(idsOf(remembered.events)).toEqual(idsOf(events).filter((id) => id > 5))
  })

  test('follows a job that another gateway works on', async () => {
    const own = await openTrainingGateway({
      folder: gateway.folder,
      settings: { PIXELLLM_TRAINING: 'off' },
    })
    const theirs = gateway
    const started = new Latch()
    const goOn = new Latch()
    theirs.workshop.piece = () => {
      started.open()
      return goOn.opened
    }
    const run = await createJob(theirs)
    await started.opened
    address = await own.app.listen({ host: '127.0.0.1', port: 0 })

    const reader = new Reader(run.record.id)
    await until(() => reader.events.length > 0)
    goOn.open()
    await reader.ended
    await own.close()

    expect(reader.events.at(-1)).toMatchObject({ data: { status: 'succeeded' } })
  })

  test('shows no status that did not count', async () => {
    const run = await createJob(gateway)
    await untilStatus(gateway, run, 'succeeded')
    await run.setStatus('cancelled', 'Too late.')

    const reader = new Reader(run.record.id)
    await reader.ended

    expect(reader.events.at(-1)).toMatchObject({ data: { status: 'succeeded' } })
  })

  test('is given to so many callers at once and no more', async () => {
    const goOn = new Latch()
    gateway.workshop.piece = () => goOn.opened
    const run = await createJob(gateway)
    const readers = [1, 2, 3].map(() => new Reader(run.record.id))
    await Promise.all(readers.map(({ response }) => response))

    const refused = await new Reader(run.record.id).response
    await readers[0]?.hangUp()
    await until(async () => {
      const again = new Reader(run.record.id)
      const { status } = await again.response
      await again.hangUp()
      return status === 200
    })

    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).toBe('1')
    await Promise.all(readers.map((reader) => reader.hangUp()))
    goOn.open()
  })

  test('ends when the gateway does, so that the client goes on elsewhere', async () => {
    const goOn = new Latch()
    gateway.workshop.piece = () => goOn.opened
    const run = await createJob(gateway)
    const reader = new Reader(run.record.id)
    await until(() => reader.events.length >= 2)

    const closing = gateway.app.close()
    goOn.open()
    await reader.ended
    await closing

    expect(idsOf(reader.events).slice(0, 2)).toEqual([1, 2])
  })

  test('is refused for an id that is none', async () => {
    const run = await createJob(gateway)

    const { response } = new Reader(run.record.id, { 'last-event-id': 'x' })

    expect((await response).status).toBe(400)
  })
})

test('no other form of the events is there', async () => {
  const run = await createJob(gateway)

  const reply = await gateway.app.inject({
    url: `/v1/training-jobs/${run.record.id}/events`,
    headers: { accept: 'text/html' },
  })

  expect(reply.json()).toMatchObject({ status: 406, code: 'not_acceptable' })
})
