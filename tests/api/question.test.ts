import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { tinyModel } from '../helpers/fake-worker.ts'
import { formWith } from '../helpers/forms.ts'
import { type Gateway, openGateway } from '../helpers/gateway.ts'
import { pngBytes } from '../helpers/pictures.ts'
import { postForm, postJson } from '../helpers/requests.ts'

const png = await pngBytes(40, 30)
const image = { data: png.toString('base64') }

let gateway: Gateway

beforeEach(async () => {
  gateway = await openGateway()
})

afterEach(() => gateway.close())

describe('the options that the worker gets', () => {
  test.each([
    ['/v1/segment', { phrase: 'the circle', model: 'tiny' }, {}],
    [
      '/v1/dense-caption',
      { max_regions: 7, min_score: 0.25, nms_iou: 1, words: true, masks: true },
      {},
    ],
    [
      '/v1/dense-caption',
      {},
      { max_regions: 32, min_score: 0.3, nms_iou: 0.5, words: false, masks: false },
    ],
    ['/v1/caption', { ground: 'box' }, { beams: 1 }],
    ['/v1/describe', { ground: 'mask', location: { type: 'point', point: [9, 9] } }, { beams: 1 }],
  ])('of %s are the same from JSON and from a form: %j', async (path, options, defaults) => {
    const texts = Object.entries(options).map(([name, value]): [string, string] => [
      name,
      typeof value === 'string' ? value : JSON.stringify(value),
    ])

    const json = await postJson(gateway, path, { image, ...options })
    const form = await postForm(gateway, path, formWith(png, Object.fromEntries(texts)))

    expect(json.statusCode).toBe(200)
    expect(form.json()).toEqual(json.json())
    const requests = gateway.worker.calls.map(({ request }) => request)
    expect(requests).toEqual([
      { ...options, ...defaults },
      { ...options, ...defaults },
    ])
  })
})

describe('a box', () => {
  const describePath = '/v1/describe'

  test.each([
    ['that begins outside the image', '[-1, 0, 10, 10]', '/location', 'reaches outside the image'],
    ['that ends outside the image', '[0, 0, 40, 31]', '/location', 'which is 40 x 30 pixels'],
    ['beside the image', '[50, 50, 60, 60]', '/location', 'reaches outside the image'],
    ['that is inverted', '[20, 5, 10, 9]', '/location/box', 'x_max must be more than x_min'],
    ['that is empty', '[5, 5, 5, 9]', '/location/box', 'the box is empty'],
    ['without end', '[0, 0, 1e999, 9]', '/location/box/2', 'must be a number'],
    ['of no number', '[0, 0, null, 9]', '/location/box/2', 'must be a number'],
    ['of three numbers', '[0, 0, 9]', '/location/box', ''],
  ])('%s is refused, in JSON and in a form', async (_, corners, pointer, message) => {
    const location = `{"type": "box", "box": ${corners}}`
    const body = `{"image": ${JSON.stringify(image)}, "ground": "mask", "location": ${location}}`

    const json = await postJson(gateway, describePath, body)
    const form = await postForm(gateway, describePath, formWith(png, { ground: 'mask', location }))

    expect(json.json()).toMatchObject({
      status: 400,
      code: 'invalid_request',
      errors: [{ pointer, message: expect.stringContaining(message) }],
    })
    expect(form.json().errors).toEqual(json.json().errors)
    expect(gateway.worker.calls).toEqual([])
  })

  test('of NaN is refused, in JSON and in a form', async () => {
    const location = '{"type": "box", "box": [0, 0, NaN, 9]}'
    const body = `{"image": ${JSON.stringify(image)}, "location": ${location}}`

    const json = await postJson(gateway, describePath, body)
    const form = await postForm(gateway, describePath, formWith(png, { location }))

    expect(json.json()).toMatchObject({ status: 400, code: 'invalid_request' })
    expect(form.json()).toMatchObject({
      status: 400,
      errors: [{ pointer: '/location', message: 'it must be an object' }],
    })
  })
})

describe.each(['/v1/locate', '/v1/segment'])('%s refuses a phrase', (path) => {
  test.each([
    ['that is empty', '', 'the phrase is blank'],
    ['that is blank', ' \n\t ', 'the phrase is blank'],
    ['of 10,000 characters', 'x'.repeat(10_000), '200 characters'],
  ])('%s, in JSON and in a form', async (_, phrase, message) => {
    const json = await postJson(gateway, path, { image, phrase })
    const form = await postForm(gateway, path, formWith(png, { phrase }))

    expect(json.json()).toMatchObject({
      status: 400,
      code: 'invalid_request',
      errors: [{ pointer: '/phrase', message: expect.stringContaining(message) }],
    })
    expect(form.json().errors).toEqual(json.json().errors)
    expect(gateway.worker.calls).toEqual([])
  })

  test('that is not there', async () => {
    const json = await postJson(gateway, path, { image })
    const form = await postForm(gateway, path, formWith(png))

    expect(json.json().errors).toEqual([{ pointer: '/phrase', message: 'it is missing' }])
    expect(form.json().errors).toEqual(json.json().errors)
  })

  test('that is no text', async () => {
    const reply = await postJson(gateway, path, { image, phrase: ['a', 'cup'] })

    expect(reply.json().errors).toEqual([{ pointer: '/phrase', message: 'it must be a text' }])
  })
})

describe('an option', () => {
  test.each([
    ['/v1/dense-caption', 'max_regions', '0'],
    ['/v1/dense-caption', 'max_regions', '1000'],
    ['/v1/dense-caption', 'max_regions', '1.5'],
    ['/v1/dense-caption', 'max_regions', 'null'],
    ['/v1/dense-caption', 'min_score', '2'],
    ['/v1/dense-caption', 'min_score', '-0.1'],
    ['/v1/dense-caption', 'min_score', '1e999'],
    ['/v1/dense-caption', 'nms_iou', '0'],
    ['/v1/dense-caption', 'nms_iou', '1.01'],
    ['/v1/dense-caption', 'nms_iou', '-1e999'],
    ['/v1/dense-caption', 'words', '1'],
    ['/v1/dense-caption', 'masks', '"yes"'],
    ['/v1/dense-caption', 'phrase', '"a cup"'],
    ['/v1/dense-caption', 'location', '{"type": "point", "point": [1, 1]}'],
    ['/v1/segment', 'location', '{"type": "point", "point": [1, 1]}'],
    ['/v1/caption', 'ground', '"polygon"'],
    ['/v1/caption', 'ground', 'true'],
    ['/v1/caption', 'masks', 'true'],
  ])('of %s is refused in JSON and in a form: "%s": %s', async (path, name, value) => {
    const phrase = path === '/v1/segment' ? { phrase: 'a cup' } : {}
    const body = JSON.stringify({ image, ...phrase }).replace(/}$/, `, "${name}": ${value}}`)
    const text = value.replaceAll(/^"|"$/g, '')

    const json = await postJson(gateway, path, body)
    const form = await postForm(gateway, path, formWith(png, { ...phrase, [name]: text }))

    expect(json.json()).toMatchObject({
      status: 400,
      code: 'invalid_request',
      errors: [{ pointer: `/${name}`, message: expect.stringMatching(/./) }],
    })
    expect(form.json()).toMatchObject({ status: 400, errors: [{ pointer: `/${name}` }] })
    expect(gateway.worker.calls).toEqual([])
  })

  test.each([
    ['max_regions', 'many', 'it must be a number'],
    ['min_score', 'NaN', 'it must be a number'],
    ['min_score', 'Infinity', 'it must be a number'],
    ['words', 'yes', 'it must be true or false'],
    ['masks', '', 'it must be true or false'],
  ])('of a form is refused that cannot be read: %s=%s', async (name, text, message) => {
    const reply = await postForm(gateway, '/v1/dense-caption', formWith(png, { [name]: text }))

    expect(reply.json()).toMatchObject({
      status: 400,
      errors: [{ pointer: `/${name}`, message }],
    })
  })
})

describe('a model', () => {
  const captioner = { ...tinyModel, id: 'captioner', tasks: ['caption', 'describe'] as const }

  test.each([
    ['/v1/segment', { phrase: 'a cup' }, 'segment'],
    ['/v1/dense-caption', {}, 'dense_caption'],
    ['/v1/caption', { ground: 'mask' }, 'segment, so it has no masks'],
    [
      '/v1/describe',
      { ground: 'mask', location: { type: 'point', point: [1, 1] } },
      'segment, so it has no masks',
    ],
  ])('that has no part for %s with %j is not asked', async (path, options, cannot) => {
    gateway.worker.models = [{ ...captioner, tasks: [...captioner.tasks] }]

    const reply = await postJson(gateway, path, { image, ...options })

    expect(reply.headers['content-type']).toMatch(/^application\/problem\+json/)
    expect(reply.json()).toMatchObject({
      status: 422,
      code: 'task_unsupported',
      detail: `the model captioner cannot ${cannot}: ask one whose tasks name it (GET /v1/models)`,
    })
    expect(reply.headers['retry-after']).toBeUndefined()
    expect(gateway.worker.calls).toEqual([])
  })

  test('that finds regions and no masks is asked for regions alone', async () => {
    gateway.worker.models = [{ ...tinyModel, tasks: ['dense_caption'] }]

    const regions = await postJson(gateway, '/v1/dense-caption', { image })
    const masks = await postJson(gateway, '/v1/dense-caption', { image, masks: true })

    expect(regions.statusCode).toBe(200)
    expect(masks.json()).toMatchObject({ status: 422, code: 'task_unsupported' })
  })

  test('that has no part for masks is asked for boxes', async () => {
    gateway.worker.models = [{ ...captioner, tasks: [...captioner.tasks] }]

    const reply = await postJson(gateway, '/v1/caption', { image, ground: 'box' })

    expect(reply.statusCode).toBe(200)
  })

  test('is the one that was asked for', async () => {
    gateway.worker.models = [{ ...captioner, tasks: [...captioner.tasks] }, tinyModel]

    const first = await postJson(gateway, '/v1/segment', { image, phrase: 'a cup' })
    const named = await postJson(gateway, '/v1/segment', { image, phrase: 'a cup', model: 'tiny' })

    expect(first.json()).toMatchObject({ code: 'task_unsupported' })
    expect(named.json()).toMatchObject({ model: 'tiny', phrase: 'the circle' })
  })
})
