/** Over HTTP, as Label Studio asks, with a fake worker behind a real gateway. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { Backend } from '../../../cli/src/label-studio/backend.ts'
import type { Credentials } from '../../../cli/src/label-studio/credentials.ts'
import { type Listening, listen } from '../../../cli/src/label-studio/listen.ts'
import { TaskImages } from '../../../cli/src/label-studio/task-images.ts'
import { decodeMask } from '../../../schemas/index.ts'
import { PixelLLM } from '../../../sdk/src/index.ts'
import { WorkerError } from '../../../worker-bridge/index.ts'
import { mask, waitForAbort } from '../../helpers/fake-worker.ts'
import { type Gateway, openGateway } from '../../helpers/gateway.ts'
import { readPayload } from '../../helpers/label-studio-payloads.ts'
import { checkNames, type Prediction, Predictions } from '../../helpers/label-studio-predictions.ts'
import { decodeLabelStudioRle } from '../../helpers/label-studio-rle.ts'
import { pngBytes } from '../../helpers/pictures.ts'

const setup = readPayload('setup')
const png = `data:image/png;base64,${(await pngBytes()).toString('base64')}`
const frame = { original_width: 40, original_height: 30, image_rotation: 0, to_name: 'image' }
/** [8, 4, 16, 12] of 40 x 30. */
const box = { x: 20, y: (4 / 30) * 100, width: 20, height: (8 / 30) * 100, rotation: 0 }

let gateway: Gateway
let backend: Listening
let log: string[]

async function open(options: { credentials?: Credentials; model?: string } = {}): Promise<void> {
  const baseUrl = await gateway.app.listen({ host: '127.0.0.1', port: 0 })
  const client = new PixelLLM({ baseUrl, retries: 0 })
  log = []
  const write = (line: string): void => void log.push(line)
  const images = new TaskImages({ allowedHosts: [] })
  const core = new Backend({ client, images, minScore: 0.5, log: write, ...options })
  backend = await listen(core, { host: '127.0.0.1', port: 0, log: write, ...options })
}

beforeEach(async () => {
  gateway = await openGateway()
  await open()
})

afterEach(async () => {
  await backend.close()
  await gateway.close()
})

function get(path: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${backend.address}${path}`, { headers })
}

function post(path: string, body: unknown, options: RequestInit = {}): Promise<Response> {
  return fetch(`${backend.address}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    ...options,
  })
}

interface Asked {
  readonly images?: readonly unknown[]
  readonly drawn?: object
}

/** The predictions for tasks with these images, checked against the configuration. */
async function predict(
  controls: string,
  { images = [png], drawn }: Asked = {},
): Promise<Predictions> {
  const label_config = `<View><Image name="image" value="$image"/>${controls}</View>`
  const tasks = images.map((image, index) => ({ id: index + 1, data: { image } }))
  const context = drawn === undefined ? null : { result: [{ ...frame, from_name: 'x', ...drawn }] }
  const params = { login: null, password: null, context }
  const reply = await post('/predict', { tasks, project: '1.1795549034', label_config, params })
  expect(reply.status).toBe(200)
  const predictions = Predictions.parse(await reply.json())
  for (const one of predictions.results) if ('result' in one) checkNames(one, label_config)
  return predictions
}

async function predictOne(controls: string, asked?: Asked): Promise<Prediction> {
  const [prediction] = (await predict(controls, asked)).results
  if (prediction === undefined || !('result' in prediction)) throw new Error('it is empty')
  return prediction
}

const asked = (): string[] => gateway.worker.calls.map(({ task }) => task)

describe('a tag becomes', () => {
  test('<RectangleLabels>: the box of what each label names', async () => {
    const { result, ...rest } = await predictOne(
      '<RectangleLabels name="box" toName="image"><Label value="Circle"/></RectangleLabels>',
    )

    expect(rest).toEqual({ model_version: 'tiny', score: 0.9 })
    expect(result).toEqual([
      {
        ...frame,
        id: 'box-1',
        type: 'rectanglelabels',
        from_name: 'box',
        score: 0.9,
        value: { ...box, rectanglelabels: ['Circle'] },
        meta: { text: ['circle'] },
      },
    ])
    expect(gateway.worker.calls.map(({ request }) => request)).toMatchObject([
      { phrase: 'circle', model: 'tiny' },
    ])
  })

  test('nothing where the model is not sure enough', async () => {
    gateway.worker.respond = async () => ({ phrase: 'cat', box: [8, 4, 16, 12], score: 0.49 })

    const { result, score } = await predictOne(
      '<RectangleLabels name="box" toName="image"><Label value="cat"/></RectangleLabels>',
    )

    expect({ result, score }).toEqual({ result: [], score: 0 })
  })

  test('a box for each region where a label is for everything', async () => {
    const { result } = await predictOne(
      '<RectangleLabels name="box" toName="image"><Label value="Thing" predicted_values="*"/></RectangleLabels>',
    )

    expect(asked()).toEqual(['dense_caption'])
    expect(result).toMatchObject([
      { value: { rectanglelabels: ['Thing'] }, meta: { text: ['a circle'] } },
    ])
  })

  test('<Rectangle>: a box for each region', async () => {
    const { result } = await predictOne('<Rectangle name="box" toName="image"/>')

    expect(asked()).toEqual(['dense_caption'])
    expect(result).toMatchObject([{ type: 'rectangle', value: box }])
  })

  test('<BrushLabels>: the pixels of what each label names', async () => {
    const { result } = await predictOne(
      '<BrushLabels name="brush" toName="image"><Label value="Circle"/></BrushLabels>',
    )

    expect(asked()).toEqual(['segment'])
    const [brush] = result
    if (brush?.type !== 'brushlabels') throw new Error('it is no brush')
    expect(brush.value.brushlabels).toEqual(['Circle'])
    expect(decodeLabelStudioRle(brush.value.rle)).toEqual(Uint8Array.from(decodeMask(mask)))
  })

  test('<Brush>: the pixels of each region', async () => {
    const { result } = await predictOne('<Brush name="brush" toName="image"/>')

    expect(gateway.worker.calls.map(({ request }) => request)).toMatchObject([{ masks: true }])
    expect(result).toMatchObject([{ type: 'brush', value: { format: 'rle' } }])
  })

  test('nothing where a mask has no pixel', async () => {
    const empty = { size: [30, 40], counts: '`U1' }
    const found = { phrase: 'circle', box: [8, 4, 16, 12], score: 0.9, mask_score: 0.8 }
    gateway.worker.respond = async () => ({ ...found, mask: empty })

    const { result } = await predictOne(
      '<BrushLabels name="brush" toName="image"><Label value="Circle"/></BrushLabels>',
    )

    expect(result).toEqual([])
  })

  test.each(['circle', 'Circle'])('<KeyPointLabels>: the word that names a %s', async (label) => {
    const { result } = await predictOne(
      `<KeyPointLabels name="point" toName="image"><Label value="${label}"/><Label value="cat"/></KeyPointLabels>`,
    )

    expect(result).toMatchObject([
      {
        type: 'keypointlabels',
        score: 0.75,
        value: { x: 30, y: (8 / 30) * 100, keypointlabels: [label] },
        meta: { text: ['a circle'] },
      },
    ])
  })

  test('<TextArea>: the caption', async () => {
    const { result } = await predictOne('<TextArea name="caption" toName="image"/>')

    expect(result).toEqual([
      {
        ...frame,
        id: 'text-caption',
        type: 'textarea',
        from_name: 'caption',
        score: 0.6,
        value: { text: ['a circle'] },
      },
    ])
  })

  test('<TextArea perRegion>: what the model wrote about a region, without asking again', async () => {
    const { result } = await predictOne(
      '<Rectangle name="box" toName="image"/><TextArea name="text" perRegion="true" toName="image"/>',
    )

    expect(asked()).toEqual(['dense_caption'])
    expect(result.map(({ id, type }) => [id, type])).toEqual([
      ['box-1', 'rectangle'],
      ['box-1', 'textarea'],
    ])
    expect(result[1]?.value).toEqual({ ...box, text: ['a circle'] })
  })

  test('<TextArea perRegion>: a description of what was found by its label', async () => {
    const { result } = await predictOne(
      `<RectangleLabels name="box" toName="image"><Label value="Circle"/></RectangleLabels>
       <TextArea name="text" perRegion="true" toName="image"/>`,
    )

    expect(gateway.worker.calls.at(-1)).toMatchObject({
      task: 'describe',
      request: { location: { type: 'box', box: [8, 4, 16, 12] } },
    })
    expect(result[1]).toMatchObject({ id: 'box-1', value: { text: ['a circle'] } })
    expect(result[1]?.value).not.toHaveProperty('rectanglelabels')
  })
})

test('tags that ask the same ask once', async () => {
  await predict('<TextArea name="a" toName="image"/><TextArea name="b" toName="image"/>')

  expect(asked()).toEqual(['caption'])
})

describe('of several tasks', () => {
  test('each has its prediction, and one that fails has none, so that it is asked again', async () => {
    const broken = `data:image/png;base64,${Buffer.from('no picture').toString('base64')}`

    const { results } = await predict('<TextArea name="caption" toName="image"/>', {
      images: [png, broken, 's3://bucket/a.png', png],
    })

    expect(results.map((one) => ('result' in one ? one.result.length : 'none'))).toEqual([
      1,
      'none',
      'none',
      1,
    ])
    expect(log.sort()).toEqual([
      expect.stringMatching(/^task 2 gets no prediction: .*JPEG, PNG/),
      expect.stringMatching(/^task 3 gets no prediction: s3: addresses are not read/),
    ])
  })

  test('none has anything of a tag that the model has no part for', async () => {
    const { respond } = gateway.worker
    gateway.worker.respond = async (call, options) => {
      if (call.task !== 'segment') return respond(call, options)
      throw new WorkerError('task_unsupported', 'it has no masks')
    }

    const { result } = await predictOne(
      `<BrushLabels name="brush" toName="image"><Label value="Circle"/></BrushLabels>
       <TextArea name="caption" toName="image"/>`,
    )

    expect(result.map(({ type }) => type)).toEqual(['textarea'])
    expect(log).toEqual(['brush stays empty: it has no masks'])
  })
})

describe('what an annotator has drawn', () => {
  const rectangle = {
    id: 'aBc',
    type: 'rectanglelabels',
    value: { x: 25, y: 20, width: 20, height: 20, rotation: 0, rectanglelabels: ['Any'] },
  }
  const point = { id: 'aBc', type: 'keypoint', value: { x: 25, y: 20, width: 0.5 } }
  const labels = '<Label value="Circle"/><Label value="Any"/>'
  const text = '<TextArea name="text" perRegion="true" toName="image"/>'

  test('as a rectangle is described', async () => {
    const { result } = await predictOne('<TextArea name="caption" toName="image"/>', {
      drawn: rectangle,
    })

    expect(gateway.worker.calls[0]).toMatchObject({
      task: 'describe',
      request: { location: { type: 'box', box: [10, 6, 18, 12] } },
    })
    expect(result).toMatchObject([{ type: 'textarea', value: { text: ['a circle'] } }])
  })

  test('as a point is described', async () => {
    await predict('<TextArea name="caption" toName="image"/>', { drawn: point })

    expect(gateway.worker.calls[0]?.request).toMatchObject({
      location: { type: 'point', point: [10, 6] },
    })
  })

  test('comes back with its label and its description', async () => {
    const { result } = await predictOne(
      `<RectangleLabels name="box" toName="image">${labels}</RectangleLabels>${text}`,
      { drawn: rectangle },
    )

    expect(result).toMatchObject([
      { type: 'rectanglelabels', value: { ...rectangle.value, rectanglelabels: ['Any'] } },
      { type: 'textarea', id: result[0]?.id, value: { text: ['a circle'] } },
    ])
  })

  test('comes back as a mask where there is a brush', async () => {
    const { result } = await predictOne(
      `<BrushLabels name="brush" toName="image">${labels}</BrushLabels>${text}`,
      { drawn: point },
    )

    expect(gateway.worker.calls[0]?.request).toMatchObject({ ground: 'mask' })
    const [brush] = result
    if (brush?.type !== 'brushlabels') throw new Error('it is no brush')
    expect(brush.value.brushlabels).toEqual(['Circle'])
    expect(decodeLabelStudioRle(brush.value.rle)).toEqual(Uint8Array.from(decodeMask(mask)))
  })

  test('comes back as no mask where nothing was found there', async () => {
    const { result } = await predictOne(
      `<BrushLabels name="brush" toName="image">${labels}</BrushLabels>`,
      { drawn: { ...point, value: { x: 90, y: 90, width: 0.5 } } },
    )

    expect(result).toEqual([])
  })

  test('has another id each time', async () => {
    const draw = () => predictOne('<Rectangle name="box" toName="image"/>', { drawn: rectangle })

    const [one, other] = [await draw(), await draw()]

    expect(one.result[0]?.id).not.toBe(other.result[0]?.id)
  })

  test('gets an empty prediction where it fails', async () => {
    const { results } = await predict('<TextArea name="caption" toName="image"/>', {
      drawn: rectangle,
      images: ['s3://bucket/a.png'],
    })

    expect(results).toEqual([{ model_version: 'tiny', score: 0, result: [] }])
  })

  test('as a polygon is no place: the image is annotated', async () => {
    await predict('<TextArea name="caption" toName="image"/>', {
      drawn: { id: 'aBc', type: 'polygon', value: { points: [[1, 2]], closed: true } },
    })

    expect(asked()).toEqual(['caption'])
  })
})

describe('Label Studio', () => {
  test.each(['/health', '/', '/health/'])('finds it up at %s', async (path) => {
    const reply = await get(path)

    expect(reply.status).toBe(200)
    expect(await reply.json()).toEqual({ status: 'UP', model_class: 'PixelLLM' })
  })

  test('sets it up and is told the model', async () => {
    const reply = await post('/setup', setup)

    expect(reply.status).toBe(200)
    expect(await reply.json()).toEqual({ model_version: 'tiny' })
  })

  test('is told which models there are', async () => {
    expect(await (await get('/versions?project=1.1')).json()).toEqual({ versions: ['tiny'] })
  })

  test('may tell it of events', async () => {
    const reply = await post('/webhook', readPayload('webhook'))

    expect({ status: reply.status, body: await reply.json() }).toEqual({
      status: 200,
      body: { status: 'ok' },
    })
  })

  test.each([
    { path: '/setup', body: { project: '1.1' }, status: 400, why: 'the request has no schema' },
    { path: '/setup', body: { schema: '<View/>' }, status: 422, why: /has no <Image>/ },
    { path: '/predict', body: [], status: 400, why: 'the request has no tasks' },
    { path: '/predict', body: { tasks: [] }, status: 400, why: 'the request has no label_config' },
    { path: '/train', body: {}, status: 404, why: 'there is nothing here' },
  ])('is told what is wrong with $path $body', async ({ path, body, status, why }) => {
    const reply = await post(path, body)

    expect(reply.status).toBe(status)
    expect(reply.statusText).toMatch(why)
    expect(await reply.json()).toEqual({ error: expect.stringMatching(why) })
  })

  test.each([
    { options: { body: '{' }, status: 400 },
    { options: { headers: { 'content-type': 'text/plain' } }, status: 415 },
  ])('alone sends JSON as JSON: $options', async ({ options, status }) => {
    expect((await post('/predict', {}, options)).status).toBe(status)
  })

  test('is told where the worker is not there', async () => {
    gateway.worker.state = 'starting'

    const reply = await get('/health')

    expect(reply.status).toBe(503)
    expect(reply.statusText).toMatch(/^PixelLLM Server cannot answer: /)
  })

  test('is told where the server is away', async () => {
    await gateway.app.close()

    const replies = [
      await get('/health'),
      await post('/setup', setup),
      await post('/predict', { tasks: [], label_config: setup.schema, params: {} }),
    ]

    expect(replies.map(({ status }) => status)).toEqual([503, 503, 503])
    for (const { statusText } of replies) expect(statusText).toMatch(/^PixelLLM Server is away: /)
  })

  test('is told where the worker dies in between, instead of getting a part', async () => {
    gateway.worker.respond = async () => {
      throw new WorkerError('shutting_down', 'the server ends')
    }
    const label_config = `<View><Image name="image" value="$image"/><TextArea name="c" toName="image"/></View>`

    const tasks = [{ id: 1, data: { image: png } }]
    const reply = await post('/predict', { tasks, label_config, params: {} })

    expect(reply.status).toBe(503)
  })

  test('stops the work when it hangs up', async () => {
    const { respond, started, aborted } = waitForAbort()
    gateway.worker.respond = respond
    const hangUp = new AbortController()
    const label_config = `<View><Image name="image" value="$image"/><TextArea name="c" toName="image"/></View>`
    const body = { tasks: [{ id: 1, data: { image: png } }], label_config, params: {} }

    const reply = post('/predict', body, { signal: hangUp.signal })
    await started
    hangUp.abort()

    await expect(reply).rejects.toThrow()
    await aborted
  })
})

describe('a model', () => {
  test('of another name than those that are active is not asked', async () => {
    await backend.close()
    await gateway.close()
    gateway = await openGateway()
    await open({ model: 'tiny-ft-00000001' })

    const reply = await post('/setup', setup)

    expect(reply.status).toBe(503)
    expect(reply.statusText).toContain('the model tiny-ft-00000001 is not active')
  })
})

describe('with a user and a password', () => {
  beforeEach(async () => {
    await backend.close()
    await gateway.close()
    gateway = await openGateway()
    await open({ credentials: { user: 'annotator', password: 'sécret:1' } })
  })

  const basic = (text: string): Record<string, string> => ({
    authorization: `Basic ${Buffer.from(text).toString('base64')}`,
  })

  test('those who know them are let in', async () => {
    expect((await get('/health', basic('annotator:sécret:1'))).status).toBe(200)
  })

  test.each([
    {},
    basic('annotator:secret'),
    basic('other:sécret:1'),
    { authorization: 'Bearer annotator:sécret:1' },
  ])('others are not: %j', async (headers) => {
    const reply = await get('/health', headers)

    expect(reply.status).toBe(401)
    expect(reply.headers.get('www-authenticate')).toContain('Basic')
    expect(log.join()).not.toContain('sécret')
  })
})

test('an end may come twice', async () => {
  await backend.close()

  await backend.close()

  await expect(get('/health')).rejects.toThrow()
})
