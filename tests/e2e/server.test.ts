import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import sharp from 'sharp'
import { CaptionResult, LocateResult, ModelList, type Word } from '../../schemas/index.ts'
import { ApiError, PixelLLM } from '../../sdk/src/index.ts'
import { formWith, injected } from '../helpers/forms.ts'
import { ServerProcess } from '../helpers/server-process.ts'
import { runs } from '../worker-bridge/fixtures/processes.ts'

// Python imports torch and loads the model in each server, on a machine that does much else.
jest.setTimeout(120_000)

const sample = await readFile('samples/street.png')
const image = new Uint8Array(sample)

afterAll(() => ServerProcess.killAll())

/** Beams and tokens that keep the worker busy for a while. */
const slow = { beams: '8', max_tokens: '256' }

describe('a running server', () => {
  let server: ServerProcess
  let address: string
  let client: PixelLLM

  beforeAll(async () => {
    server = await ServerProcess.start()
    address = await server.address()
    client = new PixelLLM({ baseUrl: address })
  })

  test('is ready when it says so, with the tiny model', async () => {
    const ready = await fetch(`${address}/readyz`)
    const { models } = ModelList.parse(await (await fetch(`${address}/v1/models`)).json())

    expect(ready.status).toBe(200)
    expect(models).toEqual([expect.objectContaining({ id: 'tiny', device: 'cpu' })])
    expect(models[0]?.tasks).toEqual(['caption', 'describe', 'locate', 'segment', 'dense_caption'])
  })

  test('gives every word of a caption its place inside the image', async () => {
    const reply = await fetch(`${address}/v1/caption`, { method: 'POST', body: formWith(image) })

    const { caption, words, image: info } = CaptionResult.parse(await reply.json())
    expect(words.length).toBeGreaterThan(0)
    for (const word of words) expectPlaced(word, caption, info)
    expect(reply.headers.get('server-timing')).toMatch(/queue;.*prepare;.*encode;.*decode;.*total;/)
  })

  test('answers the same to a form, to base64 and to the id of a stored image', async () => {
    const { id } = await client.images.store(image)
    const bodies = [{ image: { data: sample.toString('base64') } }, { image: { id } }]

    const form = await client.caption(image)

    // One after the other: in one batch, places may differ in the last digit.
    for (const body of bodies) {
      const reply = await fetch(`${address}/v1/caption`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      expect(await reply.json()).toEqual(form)
    }
  })

  test('describes a box and a point', async () => {
    const box = await client.describe(image, {
      location: { type: 'box', box: [197, 234, 304, 304] },
    })
    const point = await client.describe(image, { location: { type: 'point', point: [140, 230] } })

    for (const { caption, words, image: info } of [box, point]) {
      for (const word of words) expectPlaced(word, caption, info)
    }
  })

  test('locates a phrase inside the image', async () => {
    const { box, image: info } = LocateResult.parse(
      await client.locate(image, { phrase: 'the red bus' }),
    )

    const [xMin, yMin, xMax, yMax] = box
    expect(0 <= xMin && xMin <= xMax && xMax <= info.width).toBe(true)
    expect(0 <= yMin && yMin <= yMax && yMax <= info.height).toBe(true)
  })

  test('sees an image the way a person does', async () => {
    // PNG keeps every pixel, so the two files show exactly the same picture.
    const upright = await sharp(sample).png().toBuffer()
    const sideways = await sharp(upright)
      .rotate(270)
      .withMetadata({ orientation: 6 })
      .png()
      .toBuffer()

    const plain = await client.caption(upright)
    const turned = await client.caption(sideways)

    expect({ ...turned, image: undefined }).toEqual({ ...plain, image: undefined })
    expect([turned.image.width, turned.image.height]).toEqual([
      plain.image.width,
      plain.image.height,
    ])
  })

  test('streams the words of the very answer that it ends with', async () => {
    const stream = client.streamCaption(image)
    const words: Word[] = []

    for await (const word of stream) words.push(word)

    expect(words).toEqual(CaptionResult.parse(await stream.result()).words)
  })

  test('answers many callers at once as it answers one', async () => {
    const alone = await client.caption(image)

    const together = await Promise.all(Array.from({ length: 8 }, () => client.caption(image)))

    for (const result of together) expect(result.caption).toBe(alone.caption)
  })

  test('says that a picture is broken behind its header', async () => {
    const asked = client.caption(image.slice(0, image.length / 2))

    await expect(asked).rejects.toMatchObject({ code: 'image_unreadable', status: 422 })
    await expect(asked).rejects.toBeInstanceOf(ApiError)
  })

  test('goes on after a caller who hung up', async () => {
    const { payload, headers } = await injected(formWith(image, slow))
    const sent = request(`${address}/v1/caption`, {
      method: 'POST',
      headers: { ...headers, accept: 'text/event-stream', 'x-request-id': 'hang-up' },
    })
    sent.on('error', () => {})
    sent.end(payload)
    await once(sent, 'finish')
    sent.destroy()

    const line = await server.logged(/"request_id":"hang-up".*"msg":"request"/)

    expect(JSON.parse(line)).toMatchObject({ status: 499 })
    expect((await client.caption(image)).words.length).toBeGreaterThan(0)
  })

  test('says that it is not ready while Python starts again, and then answers', async () => {
    for (const pid of await server.descendants()) process.kill(pid, 'SIGKILL')
    await server.logged(/starting again/)

    const [ready, alive] = await Promise.all([
      fetch(`${address}/readyz`),
      fetch(`${address}/healthz`),
    ])
    const result = await client.caption(image)

    expect([ready.status, alive.status]).toEqual([503, 200])
    expect(await ready.json()).toMatchObject({ code: 'worker_unavailable' })
    expect(result.words.length).toBeGreaterThan(0)
    expect((await fetch(`${address}/readyz`)).status).toBe(200)
  })

  test('shows its contract', async () => {
    const document = await fetch(`${address}/openapi.json`)

    expect(await document.json()).toMatchObject({ openapi: '3.1.0' })
  })
})

describe('a server that is told to end', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    'finishes what runs on %s, and leaves no process behind',
    async (name) => {
      const server = await ServerProcess.start()
      const address = await server.address()
      const processes = await server.descendants()
      const reply = await fetch(`${address}/v1/caption`, {
        method: 'POST',
        body: formWith(image, { max_tokens: '256' }),
        headers: { accept: 'text/event-stream' },
      })

      server.signal(name)
      const body = await reply.text()
      const { code } = await server.exited

      expect(body).toContain('event: done')
      expect(code).toBe(0)
      expect(processes.length).toBeGreaterThanOrEqual(2)
      expect(await Promise.all(processes.map(runs))).toEqual(processes.map(() => false))
    },
  )

  test('cuts off what runs for longer than it may', async () => {
    const server = await ServerProcess.start({
      PIXELLLM_DRAIN_TIMEOUT_MS: '0',
      PIXELLLM_LOG_LEVEL: 'debug',
    })
    const address = await server.address()
    const calls = Array.from({ length: 8 }, (_, index) =>
      fetch(`${address}/v1/caption`, {
        method: 'POST',
        body: formWith(image, slow),
        headers: { 'x-request-id': `call-${index}` },
      }),
    )
    for (const index of calls.keys()) await server.logged(new RegExp(`"call-${index}".*multipart`))

    server.signal('SIGTERM')
    const replies = await Promise.allSettled(calls)
    const { code } = await server.exited

    const statuses = replies.map((reply) => (reply.status === 'fulfilled' ? reply.value.status : 0))
    expect(statuses).toContain(503)
    expect(code).toBe(0)
  })

  test('ends while the model is still being loaded', async () => {
    const server = await ServerProcess.start()
    await server.logged(/open on http/)

    server.signal('SIGTERM')
    const { code, stdout } = await server.exited

    expect(code).toBe(0)
    expect(stdout).toBe('')
  })
})

describe('a server that cannot start', () => {
  test('names the port that is taken', async () => {
    const first = await ServerProcess.start()
    const { port } = new URL(await first.address())

    // On the level `info` it says what it removes, where a gateway of another test was killed.
    const settings = { PIXELLLM_PORT: port, PIXELLLM_LOG_LEVEL: 'warn' }
    const second = await ServerProcess.start(settings)
    const { code, stdout, stderr } = await second.exited

    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: '',
      stderr: `Port ${port} of 127.0.0.1 is taken: set PIXELLLM_PORT to another one (0 takes a free one).`,
    })
  })

  test.each([
    [
      { PIXELLLM_PORT: 'http' },
      /^PIXELLLM_PORT is "http": it must be a whole number from 0 to 65535\.$/,
    ],
    [
      { PIXELLLM_HOST: '203.0.113.7' },
      /^This machine has no address 203\.0\.113\.7: set PIXELLLM_HOST/,
    ],
    [
      { PIXELLLM_DATA_DIR: '/dev/null/data' },
      /^The folder \/dev\/null\/data cannot be used .*PIXELLLM_DATA_DIR/,
    ],
    [{ PIXELLLM_MODEL: '/no/such/model' }, /\/no\/such\/model/],
    [{ PIXELLLM_WORKER_PYTHON: '/no/such/python' }, /\/no\/such\/python/],
  ])('says what is wrong with %j', async (settings, sentence) => {
    const server = await ServerProcess.start(settings)

    const { code, stdout, stderr } = await server.exited

    expect(code).toBe(1)
    expect(stdout).toBe('')
    expect(stderr.split('\n').at(-1)).toMatch(sentence)
    expect(stderr).not.toMatch(/^\s+at /m)
  })
})

function expectPlaced(
  { text, start, end, point: [x, y], box: [xMin, yMin, xMax, yMax], score }: Word,
  caption: string,
  { width, height }: { width: number; height: number },
): void {
  expect(caption.slice(start, end)).toBe(text)
  expect(0 <= xMin && xMin <= x && x <= xMax && xMax <= width).toBe(true)
  expect(0 <= yMin && yMin <= y && y <= yMax && yMax <= height).toBe(true)
  expect(score).toBeGreaterThan(0)
}
