/** A running server whose model has all parts; its weights are random, so its answers mean nothing. */
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import sharp from 'sharp'
import {
  DenseCaptionResult,
  decodeMask,
  type GroundedPhrase,
  type Mask,
  ModelList,
  SegmentResult,
  type Word,
} from '../../schemas/index.ts'
import { PixelLLM } from '../../sdk/src/index.ts'
import { RandomCheckpoint } from '../helpers/checkpoints.ts'
import { formWith } from '../helpers/forms.ts'
import { ServerProcess } from '../helpers/server-process.ts'

jest.setTimeout(120_000)

const WIDTH = 480
const HEIGHT = 354
/** A model that was never trained is sure of nothing. */
const dense = { min_score: 0, nms_iou: 0.9, max_regions: 24 }

const image = new Uint8Array(await readFile('samples/street.png'))
let checkpoint: RandomCheckpoint
let address: string
let client: PixelLLM

beforeAll(async () => {
  checkpoint = await RandomCheckpoint.write('whole')
  const server = await ServerProcess.start({ PIXELLLM_MODEL: checkpoint.folder })
  address = await server.address()
  client = new PixelLLM({ baseUrl: address })
  expect((await fetch(`${address}/readyz`)).status).toBe(200)
})

afterAll(async () => {
  await ServerProcess.killAll()
  await checkpoint.delete()
})

test('lists every task of the model', async () => {
  const { models } = ModelList.parse(await (await fetch(`${address}/v1/models`)).json())

  expect(models[0]?.tasks).toEqual(['caption', 'describe', 'locate', 'segment', 'dense_caption'])
})

test('segments a phrase in the box that locate finds', async () => {
  const phrase = 'the building on the lake'

  const result = SegmentResult.parse(await client.segment(image, { phrase }))
  const located = await client.locate(image, { phrase })

  expect({ box: result.box, score: result.score }).toEqual({
    box: located.box,
    score: located.score,
  })
  expect(result.phrase).toBe(phrase)
  expectMask(result.mask)
})

test('draws the mask that it gives as JSON', async () => {
  const body = (): FormData => formWith(image, { phrase: 'a clock' })
  const url = `${address}/v1/segment`

  const json = await fetch(url, { method: 'POST', body: body() })
  const png = await fetch(`${url}?picture=mask`, { method: 'POST', body: body() })

  const pixels = decodeMask(SegmentResult.parse(await json.json()).mask)
  const picture = sharp(await png.arrayBuffer()).toColourspace('b-w')
  const drawn = await picture.raw().toBuffer()
  expect(png.headers.get('content-type')).toBe('image/png')
  expect(drawn).toHaveLength(WIDTH * HEIGHT)
  expect(Array.from(drawn, (value) => Number(value > 127))).toEqual(Array.from(pixels))
})

test('captions every region, the best one first', async () => {
  const result = DenseCaptionResult.parse(
    await client.denseCaption(image, { ...dense, words: true, masks: true }),
  )

  const scores = result.regions.map(({ score }) => score)
  expect(scores.length).toBeGreaterThan(16) // than there are slots
  expect(scores).toEqual(scores.toSorted((a, b) => b - a))
  for (const { box, caption, words = [], mask } of result.regions) {
    expectInside(box)
    expectMask(mask)
    for (const word of words) expectPlaced(word, caption)
  }
})

test('leaves out what is not asked for', async () => {
  const { regions } = await client.denseCaption(image, { ...dense, max_regions: 3 })
  const none = await client.denseCaption(image, { ...dense, min_score: 1 })

  expect(regions).toHaveLength(3)
  for (const region of regions) {
    expect(Object.keys(region).toSorted()).toEqual(['box', 'caption', 'score'])
  }
  expect(none.regions).toEqual([])
})

test.each(['box', 'mask'] as const)('grounds a caption with its phrases (%s)', async (ground) => {
  const asked = { max_tokens: 20, ground }

  const grounded = await client.caption(image, asked)
  const described = await client.describe(image, {
    ...asked,
    location: { type: 'point', point: [100, 65] },
  })

  expect(grounded.phrases?.length).toBeGreaterThan(0)
  for (const { phrases = [], caption } of [grounded, described]) {
    for (const phrase of phrases) expectGrounded(phrase, caption, ground)
  }
})

test('streams the words of a caption whose phrases come at its end', async () => {
  const stream = client.streamCaption(image, { max_tokens: 20, ground: 'mask' })
  const words: Word[] = []

  for await (const word of stream) words.push(word)

  const result = await stream.result()
  expect(words.length).toBeGreaterThan(0)
  expect(words).toEqual(result.words)
  expect(result.phrases?.length).toBeGreaterThan(0)
})

test('answers calls of all tasks at once as it answers each alone', async () => {
  const ask = [
    async () => (await client.segment(image, { phrase: 'the lake' })).box,
    async () => (await client.denseCaption(image, { ...dense })).regions.map((r) => r.caption),
    async () => (await client.caption(image, { ground: 'mask' })).caption,
    async () => (await client.locate(image, { phrase: 'the lake' })).box,
  ]
  const alone: unknown[] = []
  for (const one of ask) alone.push(await one())

  const together = await Promise.all([...ask, ...ask].map((one) => one()))

  expectAlike(together, [...alone, ...alone])
})

test.each([
  { what: 'a blank phrase', task: 'segment', fields: { phrase: ' ' } },
  { what: 'a long phrase', task: 'segment', fields: { phrase: 'lake '.repeat(2000) } },
  { what: 'no overlap at all', task: 'dense-caption', fields: { nms_iou: '0' } },
  { what: 'too many regions', task: 'dense-caption', fields: { max_regions: '101' } },
  { what: 'another ground', task: 'caption', fields: { ground: 'masks' } },
])('refuses $what', async ({ task, fields }) => {
  const reply = await fetch(`${address}/v1/${task}`, {
    method: 'POST',
    body: formWith(image, { ...fields }),
  })

  expect(reply.status).toBe(400)
  expect(await reply.json()).toMatchObject({ code: 'invalid_request' })
})

test('answers a phrase that names nothing', async () => {
  const { score, mask } = await client.segment(image, { phrase: 'xyzzy ?! 12345' })

  expect(score).toBeGreaterThanOrEqual(0)
  expectMask(mask)
})

function expectMask(mask: Mask | undefined): void {
  if (mask === undefined) throw new Error('there is no mask')
  expect(mask.size).toEqual([HEIGHT, WIDTH])
  expect(decodeMask(mask)).toHaveLength(WIDTH * HEIGHT)
}

function expectInside([left, top, right, bottom]: readonly number[]): void {
  for (const [low, high, end] of [
    [left, right, WIDTH],
    [top, bottom, HEIGHT],
  ]) {
    expect(low).toBeGreaterThanOrEqual(0)
    expect(high).toBeGreaterThanOrEqual(low ?? 0)
    expect(high).toBeLessThanOrEqual(end ?? 0)
  }
}

function expectPlaced({ text, start, end, box }: Word, caption: string): void {
  expect(caption.slice(start, end)).toBe(text)
  expectInside(box)
}

function expectGrounded(phrase: GroundedPhrase, caption: string, ground: 'box' | 'mask'): void {
  expect(caption.slice(phrase.start, phrase.end)).toBe(phrase.text)
  expectInside(phrase.box)
  if (ground === 'mask') expectMask(phrase.mask)
  else expect(phrase.mask).toBeUndefined()
}

/** Equal, numbers but for their last digits, which depend on the batch. */
function expectAlike(one: unknown, other: unknown): void {
  if (Array.isArray(one) && Array.isArray(other)) {
    expect(one).toHaveLength(other.length)
    for (const [index, value] of one.entries()) expectAlike(value, other[index])
  } else if (typeof one === 'number' && typeof other === 'number') {
    expect(Math.abs(one - other)).toBeLessThan(0.1)
  } else {
    expect(one).toEqual(other)
  }
}
