import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { ErrorCode, errorEntry } from '../../schemas/index.ts'
import {
  ApiError,
  type CaptionEvent,
  decodeMask,
  errors,
  type Location,
  PixelLLM,
} from '../../sdk/src/index.ts'
import { WorkerError } from '../../worker-bridge/index.ts'
import { mask, phrase, waitForAbort, words } from '../helpers/fake-worker.ts'
import { type Gateway, openGateway } from '../helpers/gateway.ts'
import { hashOf, knownMasks } from '../helpers/masks.ts'
import { pngBytes } from '../helpers/pictures.ts'

const image = await pngBytes()

let gateway: Gateway
let client: PixelLLM

beforeEach(async () => {
  gateway = await openGateway()
  client = new PixelLLM({ baseUrl: await gateway.app.listen({ host: '127.0.0.1', port: 0 }) })
})

afterEach(() => gateway.close())

async function collect(events: AsyncIterable<CaptionEvent>): Promise<CaptionEvent[]> {
  const all: CaptionEvent[] = []
  for await (const event of events) all.push(event)
  return all
}

describe('PixelLLM', () => {
  test('captions', async () => {
    const result = await client.caption({ image, max_tokens: 9, prefix: 'a' })

    expect(result).toMatchObject({ caption: 'a circle', words })
    expect(gateway.worker.calls[0]?.request).toEqual({ max_tokens: 9, prefix: 'a', beams: 1 })
  })

  test('describes', async () => {
    const result = await client.describe({ image, location: { type: 'point', point: [3, 4] } })

    const [x, y] = result.words[0]?.point ?? [0, 0]
    expect([x, y]).toEqual([4, 4])
    expect(gateway.worker.calls[0]?.request).toMatchObject({
      location: { type: 'point', point: [3, 4] },
    })
  })

  test('locates', async () => {
    const { box } = await client.locate({ image: new Blob([image]), phrase: '12' })

    expect(box).toEqual([8, 4, 16, 12])
    expect(gateway.worker.calls[0]?.request).toEqual({ phrase: '12' })
  })

  test('segments', async () => {
    const result = await client.segment({ image, phrase: 'the circle' })

    expect(result).toMatchObject({ box: [8, 4, 16, 12], mask, score: 0.9, mask_score: 0.8 })
    expect(gateway.worker.calls[0]?.request).toEqual({ phrase: 'the circle' })
  })

  test('captions regions', async () => {
    const options = { max_regions: 3, min_score: 0.5, nms_iou: 0.7, words: true, masks: true }

    const { regions } = await client.denseCaption({ image, ...options })

    expect(regions).toEqual([{ box: [8, 4, 16, 12], caption: 'a circle', score: 0.9, words, mask }])
    expect(gateway.worker.calls[0]?.request).toEqual(options)
  })

  test('captions regions with what the server takes for itself', async () => {
    const { regions } = await client.denseCaption({ image })

    expect(regions[0]).toEqual({ box: [8, 4, 16, 12], caption: 'a circle', score: 0.9 })
    expect(gateway.worker.calls[0]?.request).toMatchObject({ max_regions: 32, words: false })
  })

  test('grounds what a caption and a description name', async () => {
    const location: Location = { type: 'point', point: [3, 4] }

    const caption = await client.caption({ image, ground: 'box' })
    const described = await client.describe({ image, location, ground: 'mask' })
    const events = await collect(client.captionStream({ image, ground: 'box' }))

    expect(caption.phrases).toEqual([phrase])
    expect(described.phrases).toEqual([{ ...phrase, mask }])
    expect(events.at(-1)).toMatchObject({ type: 'done', result: { phrases: [phrase] } })
  })

  test('streams words, then the answer', async () => {
    const events = await collect(client.captionStream({ image }))

    expect(events.map(({ type }) => type)).toEqual(['word', 'word', 'done'])
    expect(events[0]).toEqual({ type: 'word', index: 0, word: words[0] })
    expect(events[2]).toMatchObject({ type: 'done', result: { caption: 'a circle' } })
  })

  test('streams a description', async () => {
    const location: Location = { type: 'box', box: [0, 0, 9, 9] }

    const events = await collect(client.describeStream({ image, location }))

    expect(events.at(-1)?.type).toBe('done')
  })

  test('keeps an image and asks about it', async () => {
    const stored = await client.storeImage(image)
    const result = await client.caption({ image: stored })

    expect(result.image.id).toBe(stored.id)
    await expect(client.readImage(stored.id)).resolves.toMatchObject({ id: stored.id, width: 40 })
    await client.deleteImage(stored.id)
    await expect(client.readImage(stored.id)).rejects.toMatchObject({ code: 'image_not_found' })
    await expect(client.deleteImage(stored.id)).rejects.toMatchObject({ code: 'image_not_found' })
  })

  test('lists models', async () => {
    await expect(client.models()).resolves.toEqual(await gateway.models.list())
    await expect(client.models()).resolves.toMatchObject([{ id: 'tiny', default: true }])
  })

  test('throws what the server says', async () => {
    const asked = client.describe({ image, location: { type: 'box', box: [0, 0, 99, 9] } })

    const error = await asked.catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(ApiError)
    expect(error).toMatchObject({
      code: 'invalid_request',
      status: 400,
      retry: false,
      requestId: expect.any(String),
      message: expect.stringContaining('which is 40 x 30 pixels'),
    })
  })

  test('throws in the middle of a stream', async () => {
    gateway.worker.respond = async (_, { onWords }) => {
      onWords?.(words)
      throw new WorkerError('worker_crashed', 'Python ended')
    }

    await expect(collect(client.captionStream({ image }))).rejects.toMatchObject({
      code: 'worker_crashed',
      retry: true,
    })
  })

  test('stops the work when the loop is left', async () => {
    const call = waitForAbort()
    gateway.worker.respond = (asked, options) => {
      options.onWords?.(words)
      return call.respond(asked, options)
    }

    for await (const event of client.captionStream({ image })) {
      expect(event.type).toBe('word')
      break
    }

    await call.aborted
  })

  test('stops the work when its signal is aborted', async () => {
    const call = waitForAbort()
    gateway.worker.respond = call.respond
    const stop = new AbortController()

    const asked = client.caption({ image, signal: stop.signal })
    await call.started
    stop.abort()

    await expect(asked).rejects.toThrow()
    await call.aborted
  })
})

test('the table of errors is that of the server', () => {
  expect(Object.keys(errors)).toEqual(ErrorCode.options)
  for (const code of ErrorCode.options) {
    expect(errors[code]).toMatchObject({
      status: errorEntry(code).status,
      retry: errorEntry(code).retry,
    })
  }
})

describe('decodeMask', () => {
  test.each(knownMasks)('reads $name as pycocotools wrote it', ({ mask, sha256 }) => {
    expect(hashOf(decodeMask(mask))).toBe(sha256)
  })

  test('says why it cannot read a mask', () => {
    expect(() => decodeMask({ size: [4, 5], counts: 'e0' })).toThrow(
      'the mask is broken: a run leaves 4 x 5 pixels',
    )
  })
})
