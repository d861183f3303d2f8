import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import sharp from 'sharp'
import { emptyMask, mask, phrase, words } from '../helpers/fake-worker.ts'
import { formWith } from '../helpers/forms.ts'
import { type Gateway, openGateway } from '../helpers/gateway.ts'
import { pngBytes } from '../helpers/pictures.ts'
import { postForm } from '../helpers/requests.ts'

const png = await pngBytes(40, 30)
const about = {
  image: { id: expect.stringMatching(/^img_/), width: 40, height: 30 },
  model: 'tiny',
}

let gateway: Gateway

beforeEach(async () => {
  gateway = await openGateway()
})

afterEach(() => gateway.close())

function segment(accept: string, asked = 'the circle', query = '') {
  return postForm(gateway, `/v1/segment${query}`, formWith(png, { phrase: asked }), { accept })
}

/** The pixels of a PNG file, in rows. */
async function pixelsOf(file: Buffer): Promise<number[][]> {
  const { width, height, channels, depth, space } = await sharp(file).metadata()
  expect({ width, height, channels, depth, space }).toEqual({
    width: 40,
    height: 30,
    channels: 1,
    depth: 'uchar',
    space: 'b-w',
  })
  const pixels = await sharp(file).extractChannel(0).raw().toBuffer()
  return Array.from({ length: 30 }, (_, y) => [...pixels.subarray(y * 40, (y + 1) * 40)])
}

/** Rows of black in which the box [8, 4, 16, 12] is white. */
const whiteBox = Array.from({ length: 30 }, (_, y) =>
  Array.from({ length: 40 }, (_, x) => (x >= 8 && x < 16 && y >= 4 && y < 12 ? 255 : 0)),
)

describe('as JSON', () => {
  test('segment has the box, the mask and their scores', async () => {
    const reply = await segment('application/json')

    expect(reply.json()).toEqual({
      phrase: 'the circle',
      box: [8, 4, 16, 12],
      mask,
      score: 0.9,
      mask_score: 0.8,
      ...about,
    })
  })

  test('segment has an answer where the phrase names nothing', async () => {
    const nothing = { phrase: 'x', box: [0, 0, 1, 1], mask: emptyMask, score: 0.01, mask_score: 0 }
    gateway.worker.respond = async () => nothing

    const reply = await segment('*/*', 'x')

    expect(reply.statusCode).toBe(200)
    expect(reply.json()).toEqual({ ...nothing, ...about })
  })

  test.each([
    [{}, {}],
    [{ words: 'true' }, { words }],
    [{ masks: 'true' }, { mask }],
    [
      { words: 'true', masks: 'true' },
      { words, mask },
    ],
  ])('dense-caption has of every region what is asked for: %j', async (asked, extras) => {
    const reply = await postForm(gateway, '/v1/dense-caption', formWith(png, asked))

    expect(reply.json()).toEqual({
      regions: [{ box: [8, 4, 16, 12], caption: 'a circle', score: 0.9, ...extras }],
      ...about,
    })
  })

  test('dense-caption may find nothing', async () => {
    gateway.worker.respond = async () => ({ regions: [] })

    const reply = await postForm(gateway, '/v1/dense-caption', formWith(png))

    expect(reply.json()).toEqual({ regions: [], ...about })
  })

  test.each([
    [{}, {}],
    [{ ground: 'box' }, { phrases: [phrase] }],
    [{ ground: 'mask' }, { phrases: [{ ...phrase, mask }] }],
  ])('a caption shows what it names where asked: %j', async (asked, extras) => {
    const location = '{"type": "point", "point": [9, 9]}'

    const caption = await postForm(gateway, '/v1/caption', formWith(png, asked))
    const described = await postForm(gateway, '/v1/describe', formWith(png, { location, ...asked }))

    expect(caption.json()).toEqual({ caption: 'a circle', words, score: 0.6, ...extras, ...about })
    expect(described.json()).toEqual(caption.json())
  })
})

describe('as a mask', () => {
  test('segment has it in white on black', async () => {
    const reply = await segment('image/png', 'the circle', '?picture=mask')

    expect(reply.statusCode).toBe(200)
    expect(reply.headers['content-type']).toBe('image/png')
    expect(reply.headers['content-length']).toBe(`${reply.rawPayload.length}`)
    expect(reply.headers['server-timing']).toMatch(/^queue;dur=1\.0, .*total;dur=/)
    expect(await pixelsOf(reply.rawPayload)).toEqual(whiteBox)
  })

  test('segment is black where the phrase names nothing', async () => {
    const nothing = { phrase: 'x', box: [0, 0, 1, 1], mask: emptyMask, score: 0.01, mask_score: 0 }
    gateway.worker.respond = async () => nothing

    const reply = await segment('*/*', 'x', '?picture=mask')

    expect(new Set((await pixelsOf(reply.rawPayload)).flat())).toEqual(new Set([0]))
  })

  test.each(['image/svg+xml', 'application/json'])('segment has none as %s', async (accept) => {
    const reply = await segment(accept, 'the circle', '?picture=mask')

    expect(reply.json()).toMatchObject({ status: 406, detail: 'segment answers with image/png' })
  })

  test('no other task has one', async () => {
    const reply = await postForm(gateway, '/v1/caption?picture=mask', formWith(png))

    expect(reply.json()).toMatchObject({ status: 400, errors: [{ pointer: '/picture' }] })
  })

  test.each([
    ['has other runs than pixels', { size: [30, 40], counts: 'd0' }],
    ['is no mask', { size: [30, 40], counts: '' }],
  ])('a mask that %s is a mistake of the server', async (_, broken) => {
    gateway.worker.respond = async () => ({
      phrase: 'x',
      box: [0, 0, 1, 1],
      mask: broken,
      score: 0.5,
      mask_score: 0.5,
    })

    for (const query of ['', '?picture=mask']) {
      const reply = await segment('image/png', 'x', query)
      expect(reply.json()).toMatchObject({ status: 500, code: 'internal' })
    }
    expect(gateway.log).toContainEqual(expect.objectContaining({ level: 50 }))
  })
})

describe('as an annotated image', () => {
  const fields: Record<string, Record<string, string>> = {
    '/v1/caption': { ground: 'mask' },
    '/v1/describe': { location: '{"type": "box", "box": [2, 2, 30, 20]}' },
    '/v1/locate': { phrase: 'the circle' },
    '/v1/segment': { phrase: 'the circle' },
    '/v1/dense-caption': { masks: 'true' },
  }

  test.each(Object.entries(fields))('%s has a PNG and an SVG file', async (path, asked) => {
    const drawn = await postForm(gateway, path, formWith(png, asked), { accept: 'image/png' })
    const written = await postForm(gateway, path, formWith(png, asked), { accept: 'image/svg+xml' })

    expect(drawn.headers['content-type']).toBe('image/png')
    expect(drawn.headers['content-length']).toBe(`${drawn.rawPayload.length}`)
    expect(drawn.headers['server-timing']).toMatch(/^queue;dur=1\.0, .*total;dur=/)
    expect(await sharp(drawn.rawPayload).metadata()).toMatchObject({ format: 'png', width: 720 })
    expect(written.headers['content-type']).toBe('image/svg+xml')
    expect(written.headers['content-security-policy']).toMatch(/^default-src 'none'; .*sandbox$/)
    expect(written.payload).toMatch(/^<svg /)
    expect(written.payload).toContain('circle')
  })

  test('it can be asked for without a header', async () => {
    const reply = await segment('*/*', 'the circle', '?picture=annotated')

    expect(reply.headers['content-type']).toBe('image/png')
    expect(await sharp(reply.rawPayload).metadata()).toMatchObject({ width: 720 })
  })

  test('it may be about an image that is stored', async () => {
    const stored = await postForm(gateway, '/v1/images', formWith(png))

    const form = formWith(undefined, { image_id: stored.json().id, phrase: 'the circle' })
    const reply = await postForm(gateway, '/v1/locate', form, { accept: 'image/png' })

    expect(await sharp(reply.rawPayload).metadata()).toMatchObject({ format: 'png', width: 720 })
  })

  test.each([
    ['image/*', 'image/png'],
    ['image/png, application/json;q=0.5', 'image/png'],
    ['image/webp, image/png;q=0.1', 'image/png'],
    ['image/svg+xml, image/png;q=0.9', 'image/svg+xml'],
    ['application/json, image/png', 'application/json; charset=utf-8'],
    ['*/*', 'application/json; charset=utf-8'],
  ])('segment answers %s with %s', async (accept, type) => {
    const reply = await segment(accept)

    expect(reply.headers['content-type']).toBe(type)
  })

  test('a refusal is a problem and no picture', async () => {
    const reply = await segment('image/png', ' ')

    expect(reply.headers['content-type']).toMatch(/^application\/problem\+json/)
    expect(reply.json()).toMatchObject({ status: 400, errors: [{ pointer: '/phrase' }] })
  })
})

const pictures = 'image/png or image/svg+xml'

test.each([
  ['/v1/segment', 'image/webp', `segment answers with application/json or ${pictures}`],
  ['/v1/segment', 'text/event-stream', `segment answers with application/json or ${pictures}`],
  ['/v1/dense-caption', 'text/html', `dense_caption answers with application/json or ${pictures}`],
  [
    '/v1/caption',
    'text/html',
    `caption answers with application/json or text/event-stream or ${pictures}`,
  ],
])('%s has no reply of type %s', async (path, accept, detail) => {
  const reply = await postForm(gateway, path, formWith(png, { phrase: 'x' }), { accept })

  expect(reply.json()).toMatchObject({ status: 406, code: 'not_acceptable', detail })
  expect(gateway.worker.calls).toEqual([])
})
