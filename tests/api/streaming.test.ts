import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { WorkerError } from '../../worker-bridge/index.ts'
import { Latch, mask, phrase, waitForAbort, words } from '../helpers/fake-worker.ts'
import { formWith, injected } from '../helpers/forms.ts'
import { type Gateway, openGateway } from '../helpers/gateway.ts'
import { pngBytes } from '../helpers/pictures.ts'

const png = await pngBytes()

let gateway: Gateway
let address: string

beforeEach(async () => {
  gateway = await openGateway()
  address = await gateway.app.listen({ host: '127.0.0.1', port: 0 })
})

afterEach(() => gateway.close())

function post(signal?: AbortSignal, fields: Record<string, string> = {}): Promise<Response> {
  return fetch(`${address}/v1/caption`, {
    method: 'POST',
    body: formWith(png, fields),
    headers: { accept: 'text/event-stream' },
    ...(signal && { signal }),
  })
}

/** The events of a stream, as name and data. */
function eventsOf(body: string): [string, unknown][] {
  return body
    .split('\n\n')
    .filter((block) => block.startsWith('event: '))
    .map((block) => {
      const [, event = '', data = ''] = /^event: (\w+)\ndata: (.*)$/.exec(block) ?? []
      return [event, JSON.parse(data)]
    })
}

describe('a stream', () => {
  test('carries every word, then the whole answer', async () => {
    const reply = await post()

    expect(reply.status).toBe(200)
    expect(reply.headers.get('content-type')).toBe('text/event-stream')
    expect(reply.headers.get('cache-control')).toBe('no-store')
    const events = eventsOf(await reply.text())
    expect(events.map(([event]) => event)).toEqual(['word', 'word', 'done'])
    expect(events.slice(0, 2).map(([, data]) => data)).toEqual(
      words.map((word, index) => ({ index, word })),
    )
    expect(events[2]?.[1]).toMatchObject({
      result: { caption: 'a circle', words, image: { width: 40 }, model: 'tiny' },
    })
  })

  test('has grounded phrases in the whole answer alone', async () => {
    const reply = await post(undefined, { ground: 'mask' })

    const events = eventsOf(await reply.text())
    expect(events.map(([event]) => event)).toEqual(['word', 'word', 'done'])
    expect(events[0]?.[1]).toEqual({ index: 0, word: words[0] })
    expect(events[2]?.[1]).toMatchObject({ result: { phrases: [{ ...phrase, mask }] } })
  })

  test('sends a word while the next one is still being written', async () => {
    const read = new Latch()
    gateway.worker.respond = async (_, { onWords }) => {
      onWords?.(words.slice(0, 1))
      await read.opened
      onWords?.(words.slice(1))
      return { caption: 'a circle', words, score: 0.6 }
    }

    const reader = (await post()).body?.getReader()
    const first = new TextDecoder().decode((await reader?.read())?.value)
    read.open()

    expect(eventsOf(first)).toEqual([['word', { index: 0, word: words[0] }]])
    const rest: string[] = []
    for (let chunk = await reader?.read(); chunk?.done === false; chunk = await reader?.read()) {
      rest.push(new TextDecoder().decode(chunk.value))
    }
    expect(eventsOf(rest.join('')).map(([event]) => event)).toEqual(['word', 'done'])
  })

  test('is an ordinary problem where nothing was written yet', async () => {
    gateway.worker.respond = async () => {
      throw new WorkerError('queue_full', '64 calls wait')
    }

    const reply = await post()

    expect(reply.status).toBe(503)
    expect(reply.headers.get('content-type')).toMatch(/^application\/problem\+json/)
    expect(await reply.json()).toMatchObject({ code: 'queue_full' })
  })

  test('ends with a problem where something was', async () => {
    gateway.worker.respond = async (_, { onWords }) => {
      onWords?.(words.slice(0, 1))
      throw new WorkerError('worker_crashed', 'Python ended')
    }

    const reply = await post()

    const events = eventsOf(await reply.text())
    expect(events.map(([event]) => event)).toEqual(['word', 'error'])
    expect(events[1]?.[1]).toMatchObject({
      problem: { code: 'worker_crashed', status: 503, detail: 'Python ended' },
    })
  })

  test('asks the worker for words only where the caller wants a stream', async () => {
    const asked: boolean[] = []
    gateway.worker.respond = async (_, { onWords }) => {
      asked.push(onWords !== undefined)
      return { caption: 'a', words: [], score: 1 }
    }

    await (await post()).text()
    await fetch(`${address}/v1/caption`, { method: 'POST', body: formWith(png) })

    expect(asked).toEqual([true, false])
  })
})

describe('a heartbeat', () => {
  afterEach(() => {
    jest.useRealTimers()
  })

  test('begins the reply and keeps it alive while no word comes', async () => {
    const started = new Latch()
    const answer = new Latch()
    gateway.worker.respond = async () => {
      started.open()
      await answer.opened
      return { caption: 'a', words: [], score: 1 }
    }
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance'] })

    const sent = post()
    await started.opened
    jest.advanceTimersByTime(15_000)
    const reply = await sent
    jest.advanceTimersByTime(15_000)
    answer.open()

    const body = await reply.text()
    expect(body.startsWith(': still working\n\n: still working\n\n')).toBe(true)
    expect(eventsOf(body).map(([event]) => event)).toEqual(['done'])
  })
})

describe('a caller who hangs up', () => {
  test('stops a stream', async () => {
    const call = waitForAbort()
    gateway.worker.respond = (asked, options) => {
      options.onWords?.(words.slice(0, 1))
      return call.respond(asked, options)
    }
    const hangUp = new AbortController()

    await post(hangUp.signal)
    hangUp.abort()

    await call.aborted
  })

  test('stops a call without a stream, and is logged as 499', async () => {
    const call = waitForAbort()
    gateway.worker.respond = call.respond
    const { payload, headers } = await injected(formWith(png))

    const sent = request(`${address}/v1/caption`, { method: 'POST', headers })
    sent.on('error', () => {})
    sent.end(payload)
    await call.started
    sent.destroy()
    await call.aborted

    expect(gateway.log).toContainEqual(
      expect.objectContaining({ msg: 'request', path: '/v1/caption', status: 499 }),
    )
  })

  test('in the middle of an upload asks the worker nothing', async () => {
    const { payload, headers } = await injected(formWith(png))
    const closed = new Latch()
    gateway.app.server.once('request', (_, response) => response.once('close', closed.open))

    const sent = request(`${address}/v1/caption`, {
      method: 'POST',
      headers: { ...headers, 'content-length': payload.length },
    })
    sent.on('error', () => {})
    sent.write(payload.subarray(0, payload.length - 10), () => sent.destroy())
    await closed.opened

    expect(gateway.worker.calls).toEqual([])
    expect((await fetch(`${address}/healthz`)).status).toBe(200)
  })
})

describe('closing', () => {
  test('lets a running request finish and refuses what comes after', async () => {
    const started = new Latch()
    const answer = new Latch()
    gateway.worker.respond = async () => {
      started.open()
      await answer.opened
      return { caption: 'a', words: [], score: 1 }
    }
    const running = fetch(`${address}/v1/caption`, { method: 'POST', body: formWith(png) })
    await started.opened

    const closing = gateway.app.close()
    await expect(fetch(`${address}/healthz`)).rejects.toThrow()
    answer.open()

    expect((await running).status).toBe(200)
    await closing
  })

  test('does not wait for connections that ask nothing', async () => {
    const { hostname, port } = new URL(address)
    const silent = connect(Number(port), hostname)
    await once(silent, 'connect')
    const used = connect(Number(port), hostname)
    used.write('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n')
    await once(used, 'data')

    const ends = [once(silent, 'close'), once(used, 'close')]
    await gateway.app.close()

    await Promise.all(ends)
  })
})
