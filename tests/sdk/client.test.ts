import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { ErrorCode, errorEntry } from '../../schemas/index.ts'
import { ApiError, decodeMask, errors, type Location, PixelLLM } from '../../sdk/src/index.ts'
import { openFile } from '../../sdk/src/node.ts'
import { WorkerError } from '../../worker-bridge/index.ts'
import { mask, phrase, waitForAbort, words } from '../helpers/fake-worker.ts'
import { collectGarbage } from '../helpers/garbage.ts'
import { type Gateway, openGateway } from '../helpers/gateway.ts'
import { hashOf, knownMasks } from '../helpers/masks.ts'
import { pngBytes } from '../helpers/pictures.ts'

const image = await pngBytes()

let gateway: Gateway
let client: PixelLLM

beforeEach(async () => {
  gateway = await openGateway()
  const baseUrl = await gateway.app.listen({ host: '127.0.0.1', port: 0 })
  client = new PixelLLM({ baseUrl, retries: 0 })
})

afterEach(() => gateway.close())

async function collect<Entry>(entries: AsyncIterable<Entry>): Promise<Entry[]> {
  const all: Entry[] = []
  for await (const entry of entries) all.push(entry)
  return all
}

describe('PixelLLM', () => {
  test('captions', async () => {
    const result = await client.caption(image, { max_tokens: 9, prefix: 'a' })

    expect(result).toMatchObject({ caption: 'a circle', words })
    expect(gateway.worker.calls[0]?.request).toEqual({ max_tokens: 9, prefix: 'a', beams: 1 })
  })

  test('describes', async () => {
    const location: Location = { type: 'point', point: [3, 4] }

    const result = await client.describe(image, { location })

    const [x, y] = result.words[0]?.point ?? [0, 0]
    expect([x, y]).toEqual([4, 4])
    expect(gateway.worker.calls[0]?.request).toMatchObject({ location })
  })

  test('locates', async () => {
    const { box } = await client.locate(new Blob([image]), { phrase: '12' })

    expect(box).toEqual([8, 4, 16, 12])
    expect(gateway.worker.calls[0]?.request).toEqual({ phrase: '12' })
  })

  test('segments', async () => {
    const result = await client.segment(image, { phrase: 'the circle' })

    expect(result).toMatchObject({ box: [8, 4, 16, 12], mask, score: 0.9, mask_score: 0.8 })
    expect(gateway.worker.calls[0]?.request).toEqual({ phrase: 'the circle' })
  })

  test('captions regions', async () => {
    const options = { max_regions: 3, min_score: 0.5, nms_iou: 0.7, words: true, masks: true }

    const { regions } = await client.denseCaption(image, options)

    expect(regions).toEqual([{ box: [8, 4, 16, 12], caption: 'a circle', score: 0.9, words, mask }])
    expect(gateway.worker.calls[0]?.request).toEqual(options)
  })

  test('captions regions with what the server takes for itself', async () => {
    const { regions } = await client.denseCaption(image)

    expect(regions[0]).toEqual({ box: [8, 4, 16, 12], caption: 'a circle', score: 0.9 })
    expect(gateway.worker.calls[0]?.request).toMatchObject({ max_regions: 32, words: false })
  })

  test('grounds what a caption and a description name', async () => {
    const location: Location = { type: 'point', point: [3, 4] }

    const caption = await client.caption(image, { ground: 'box' })
    const described = await client.describe(image, { location, ground: 'mask' })
    const streamed = await client.streamCaption(image, { ground: 'box' }).result()

    expect(caption.phrases).toEqual([phrase])
    expect(described.phrases).toEqual([{ ...phrase, mask }])
    expect(streamed.phrases).toEqual([phrase])
  })

  test('streams the words of a caption, then has the answer', async () => {
    const stream = client.streamCaption(image)

    const streamed = await collect(stream)

    expect(streamed).toEqual(words)
    await expect(stream.result()).resolves.toMatchObject({ caption: 'a circle', words })
  })

  test('streams a description', async () => {
    const location: Location = { type: 'box', box: [0, 0, 9, 9] }

    const streamed = await collect(client.streamDescribe(image, { location }))

    expect(streamed).toEqual(words)
    expect(gateway.worker.calls[0]?.request).toMatchObject({ location })
  })

  test('has the answer of a stream whose words nobody reads', async () => {
    await expect(client.streamCaption(image).result()).resolves.toMatchObject({ words })
  })

  test('keeps an image and asks about it', async () => {
    const stored = await client.images.store(image)
    const byImage = await client.caption(stored)
    const byId = await client.caption(stored.id)

    expect([byImage.image.id, byId.image.id]).toEqual([stored.id, stored.id])
    await expect(client.images.read(stored.id)).resolves.toMatchObject({ width: 40 })
    await client.images.delete(stored.id)
    await expect(client.images.read(stored.id)).rejects.toMatchObject({ code: 'image_not_found' })
    await expect(client.images.delete(stored.id)).rejects.toMatchObject({ code: 'image_not_found' })
  })

  test('sends a file by its path', async () => {
    const { image } = await client.caption(await openFile('samples/street.png'))

    expect(image).toMatchObject({ width: 480, height: 354 })
  })

  test.each([
    { path: 'samples/nothing.png', why: 'cannot read samples/nothing.png: there is no such file' },
    { path: 'samples', why: 'cannot read samples: it is not a file' },
  ])('says that $path cannot be sent', async ({ path, why }) => {
    await expect(openFile(path)).rejects.toThrow(why)
  })

  test('says what an image is to those who pass something else', async () => {
    await expect(client.caption('samples/street.png')).rejects.toThrow('an image is a Blob')
  })

  test('lists models', async () => {
    await expect(client.models.list()).resolves.toEqual(await gateway.models.list())
    await expect(client.models.list()).resolves.toMatchObject([{ id: 'tiny', default: true }])
  })

  test('says whether the server is ready', async () => {
    await expect(client.health()).resolves.toEqual({ ready: true })
  })

  test('throws what the server says', async () => {
    const asked = client.describe(image, { location: { type: 'box', box: [0, 0, 99, 9] } })

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

    await expect(collect(client.streamCaption(image))).rejects.toMatchObject({
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

    const stream = client.streamCaption(image)
    for await (const word of stream) {
      expect(word).toEqual(words[0])
      break
    }

    await call.aborted
    await expect(stream.result()).rejects.toThrow('the stream was left before its end')
  })

  test('stops the work in the middle of a stream when its signal is aborted', async () => {
    const call = waitForAbort()
    gateway.worker.respond = (asked, options) => {
      options.onWords?.(words)
      return call.respond(asked, options)
    }
    const stop = new AbortController()

    const streamed = collect(client.streamCaption(image, { signal: stop.signal }))
    streamed.catch(() => undefined)
    await call.started
    // Node forgets the signal of a request that is collected.
    collectGarbage()
    stop.abort(new Error('enough'))

    await expect(streamed).rejects.toThrow('enough')
    await call.aborted
  })

  test('stops the work when its signal is aborted', async () => {
    const call = waitForAbort()
    gateway.worker.respond = call.respond
    const stop = new AbortController()

    const asked = client.caption(image, { signal: stop.signal })
    await call.started
    stop.abort(new Error('enough'))

    await expect(asked).rejects.toThrow('enough')
    await call.aborted
  })

  test('stops the work when nothing is heard for too long', async () => {
    const call = waitForAbort()
    gateway.worker.respond = call.respond

    const asked = client.caption(image, { timeoutMs: 200 })

    await expect(asked).rejects.toMatchObject({ name: 'TimeoutError' })
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
