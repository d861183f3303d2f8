import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { WorkerError } from '../../worker-bridge/index.ts'
import { words } from '../helpers/fake-worker.ts'
import { formWith } from '../helpers/forms.ts'
import { type Gateway, openGateway } from '../helpers/gateway.ts'
import { picture, pngBytes } from '../helpers/pictures.ts'
import { postForm, postJson } from '../helpers/requests.ts'

const png = await pngBytes()

let gateway: Gateway

beforeEach(async () => {
  gateway = await openGateway({ PIXELLLM_MAX_IMAGE_BYTES: '20000' })
})

afterEach(() => gateway.close())

describe('a task', () => {
  test('answers with the output of the worker, the image and the model', async () => {
    const reply = await postForm(gateway, '/v1/caption', formWith(png))

    expect(reply.statusCode).toBe(200)
    expect(reply.headers['content-type']).toMatch(/^application\/json/)
    expect(reply.json()).toEqual({
      caption: 'a circle',
      words,
      score: 0.6,
      image: { id: expect.stringMatching(/^img_[0-9a-f]{32}$/), width: 40, height: 30 },
      model: 'tiny',
    })
  })

  test('gives the worker the file as it came, and the options with their defaults', async () => {
    await postForm(gateway, '/v1/caption', formWith(png, { prefix: '12', max_tokens: '20' }))

    const [call] = gateway.worker.calls
    expect(call).toMatchObject({
      task: 'caption',
      request: { prefix: '12', max_tokens: 20, beams: 1 },
      image: { id: expect.stringMatching(/^[0-9a-f]{64}$/) },
      timeout_ms: 30_000,
    })
    expect(Buffer.compare(call?.image.bytes ?? Buffer.alloc(0), png)).toBe(0)
  })

  test('reads the same from JSON as from a form', async () => {
    const fields = { location: { type: 'box', box: [0, 0, 20, 20] }, beams: 2 }
    const texts = { location: JSON.stringify(fields.location), beams: '2' }

    const json = await postJson(gateway, '/v1/describe', {
      image: { data: png.toString('base64') },
      ...fields,
    })
    const form = await postForm(gateway, '/v1/describe', formWith(png, texts))

    expect(json.json()).toEqual(form.json())
    const [a, b] = gateway.worker.calls
    expect(a?.request).toEqual(b?.request)
    expect(a?.image.id).toBe(b?.image.id)
  })

  test('takes JSON parts that a client sent as files', async () => {
    const form = formWith(png)
    const location = JSON.stringify({ type: 'point', point: [5, 5] })
    form.set('location', new Blob([location], { type: 'application/json' }))

    const reply = await postForm(gateway, '/v1/describe', form)

    expect(reply.statusCode).toBe(200)
    expect(gateway.worker.calls[0]?.request).toMatchObject({
      location: { type: 'point', point: [5, 5] },
    })
  })

  test('takes the id of a stored image, from JSON and from a form', async () => {
    const stored = await postForm(gateway, '/v1/images', formWith(png))
    const { id } = stored.json()

    const json = await postJson(gateway, '/v1/locate', { image: { id }, phrase: 'the circle' })
    const form = await postForm(
      gateway,
      '/v1/locate',
      formWith(undefined, { image_id: id, phrase: 'the circle' }),
    )

    expect(json.statusCode).toBe(200)
    expect(form.json()).toEqual(json.json())
    expect(json.json().image).toEqual({ id, width: 40, height: 30 })
  })

  test('counts pixels as a person sees them', async () => {
    const turned = await picture().withMetadata({ orientation: 6 }).jpeg().toBuffer()
    const location = JSON.stringify({ type: 'box', box: [0, 0, 30, 40] })

    const reply = await postForm(
      gateway,
      '/v1/describe',
      formWith(Buffer.from(turned), { location }),
    )

    expect(reply.json().image).toMatchObject({ width: 30, height: 40 })
  })

  test('says where the time went', async () => {
    const reply = await postForm(gateway, '/v1/caption', formWith(png))

    expect(reply.headers['server-timing']).toMatch(
      /^queue;dur=1\.0, prepare;dur=2\.0, encode;dur=3\.0, decode;dur=4\.0, total;dur=[\d.]+$/,
    )
  })

  test('takes the name of a model and no other', async () => {
    const right = await postForm(gateway, '/v1/caption', formWith(png, { model: 'tiny' }))
    const wrong = await postForm(gateway, '/v1/caption', formWith(png, { model: 'huge' }))

    expect(right.statusCode).toBe(200)
    expect(wrong.json()).toMatchObject({
      code: 'model_not_found',
      status: 404,
      detail: 'there is no model huge: GET /v1/models lists them',
    })
  })
})

describe('a task refuses', () => {
  const caption = '/v1/caption'
  const box = (...corners: number[]) => JSON.stringify({ type: 'box', box: corners })

  test.each([
    ['no image', caption, formWith(undefined), '/image'],
    ['two images', caption, twoImages(), '/image'],
    [
      'an image and an id',
      caption,
      formWith(png, { image_id: `img_${'0'.repeat(32)}` }),
      '/image_id',
    ],
    ['an id that is none', caption, formWith(undefined, { image_id: '../x' }), '/image_id'],
    ['an image sent as text', caption, formWith(undefined, { image: 'picture.png' }), '/image'],
    ['an unknown field', caption, formWith(png, { prompt: 'x' }), '/prompt'],
    ['text for a number', caption, formWith(png, { beams: 'many' }), '/beams'],
    ['NaN', caption, formWith(png, { max_tokens: 'NaN' }), '/max_tokens'],
    ['a fraction of a token', caption, formWith(png, { max_tokens: '1.5' }), '/max_tokens'],
    ['a blank phrase', '/v1/locate', formWith(png, { phrase: '   ' }), '/phrase'],
    ['a long phrase', '/v1/locate', formWith(png, { phrase: '1'.repeat(201) }), '/phrase'],
    ['no location', '/v1/describe', formWith(png), '/location'],
    ['a location of no type', '/v1/describe', formWith(png, { location: '{}' }), '/location/type'],
    [
      'a location with a prototype',
      '/v1/describe',
      formWith(png, { location: '{"__proto__":{},"type":"point","point":[1,1]}' }),
      '/location/__proto__',
    ],
    ['an empty box', '/v1/describe', formWith(png, { location: box(5, 5, 5, 9) }), '/location/box'],
    [
      'a box outside the image',
      '/v1/describe',
      formWith(png, { location: box(0, 0, 41, 30) }),
      '/location',
    ],
  ])('%s', async (_, path, form, pointer) => {
    const reply = await postForm(gateway, path, form)

    expect(reply.statusCode).toBe(400)
    expect(reply.headers['content-type']).toMatch(/^application\/problem\+json/)
    expect(reply.json()).toMatchObject({ code: 'invalid_request', errors: [{ pointer }] })
    expect(gateway.worker.calls).toEqual([])
  })

  function twoImages(): FormData {
    const form = formWith(png)
    form.append('image', new Blob([png]), 'second.png')
    return form
  }

  test.each([
    [{}, '/image', 'it is missing'],
    [{ image: 'aGk=' }, '/image', 'it must be an object'],
    [{ image: { data: 'no!' } }, '/image/data', expect.stringContaining('it must be base64')],
    [{ image: { id: 'img_1' } }, '/image/id', expect.stringContaining('must match pattern')],
    [{ image: { url: 'https://a.b/c.png' } }, '/image/data', 'it is missing'],
  ])('the JSON %j', async (payload, pointer, message) => {
    const reply = await postJson(gateway, caption, payload)

    expect(reply.json()).toMatchObject({ status: 400, code: 'invalid_request' })
    expect(reply.json().errors[0]).toEqual({ pointer, message })
  })

  test('a box outside the image, with a sentence that says how large the image is', async () => {
    const reply = await postForm(
      gateway,
      '/v1/describe',
      formWith(png, { location: box(0, 0, 41, 30) }),
    )

    expect(reply.json().errors[0].message).toBe(
      'the box [0, 0, 41, 30] reaches outside the image, which is 40 x 30 pixels',
    )
  })

  test.each([
    ['not an image', Buffer.from('hello'), 415, 'image_unsupported'],
    ['SVG', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), 415, 'image_unsupported'],
    ['a broken header', Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), 422, 'image_unreadable'],
    ['too many bytes', Buffer.alloc(20_001), 413, 'image_too_large'],
  ])('%s, as a form and as JSON', async (_, bytes, status, code) => {
    const form = await postForm(gateway, caption, formWith(bytes))
    const json = await postJson(gateway, caption, { image: { data: bytes.toString('base64') } })

    expect(form.json()).toMatchObject({ status, code })
    expect(json.json()).toMatchObject({ status, code })
    expect(form.statusCode).toBe(status)
  })

  test('an image that is not stored', async () => {
    const reply = await postJson(gateway, caption, { image: { id: `img_${'0'.repeat(32)}` } })

    expect(reply.json()).toMatchObject({ status: 404, code: 'image_not_found' })
  })

  test('a reply form that it has not', async () => {
    const webp = await postForm(gateway, caption, formWith(png), { accept: 'image/webp' })
    const stream = await postForm(gateway, '/v1/locate', formWith(png, { phrase: 'x' }), {
      accept: 'text/event-stream',
    })

    expect(webp.json()).toMatchObject({ status: 406, code: 'not_acceptable' })
    expect(stream.json()).toMatchObject({
      status: 406,
      detail: 'locate answers with application/json or image/png or image/svg+xml',
    })
  })

  test('to ask before a model is loaded', async () => {
    gateway.worker.models = []

    const reply = await postForm(gateway, caption, formWith(png))

    expect(reply.json()).toMatchObject({ status: 503, code: 'worker_unavailable' })
    expect(reply.headers['retry-after']).toBe('1')
  })
})

describe('what the worker says', () => {
  test.each([
    ['queue_full', 503, '1'],
    ['worker_crashed', 503, '1'],
    ['model_unavailable', 503, undefined],
    ['deadline_exceeded', 504, undefined],
    ['image_unreadable', 422, undefined],
    ['task_unsupported', 422, undefined],
  ] as const)('%s becomes %i with Retry-After %s', async (code, status, retryAfter) => {
    gateway.worker.respond = async () => {
      throw new WorkerError(code, 'a sentence for the caller')
    }

    const reply = await postForm(gateway, '/v1/caption', formWith(png))

    expect(reply.json()).toMatchObject({ status, code, detail: 'a sentence for the caller' })
    expect(reply.headers['retry-after']).toBe(retryAfter)
  })

  test.each([
    ['an error of its own', () => Promise.reject(new WorkerError('internal', '/srv/secret.py'))],
    ['an unknown error', () => Promise.reject(new Error('/srv/secret.py'))],
    ['an answer that is not as agreed', async () => ({ caption: '/srv/secret.py' })],
    ['NaN', async () => ({ caption: 'a', words: [], score: Number.NaN, at: '/srv/secret.py' })],
  ])('%s is logged and not told', async (_, respond) => {
    gateway.worker.respond = respond

    const reply = await postForm(gateway, '/v1/caption', formWith(png))

    expect(reply.json()).toEqual({
      type: 'about:blank',
      title: 'Something failed inside the server',
      status: 500,
      code: 'internal',
      instance: reply.headers['x-request-id'],
    })
    expect(gateway.log).toContainEqual(
      expect.objectContaining({ level: 50, request_id: reply.headers['x-request-id'] }),
    )
  })
})
