/** The bridge with the real engine and the shipped model: what the gateway gets to see. */
import { createHash, randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { jest } from '@jest/globals'
import { CaptionOutput, DescribeOutput, LocateOutput, type Word } from '../../schemas/index.ts'
import type { Answer, RunOptions, WorkerPool } from '../../worker-bridge/index.ts'
import { codeOf, RecordingLog } from './fixtures/fault-pool.ts'
import { gone, until } from './fixtures/processes.ts'
import { startRealWorkers } from './fixtures/real-pool.ts'

jest.setTimeout(90_000)

const WIDTH = 480
const HEIGHT = 354
const log = new RecordingLog()
let street: Uint8Array
let beach: Uint8Array
let workers: WorkerPool

beforeAll(async () => {
  street = await readFile(new URL('../../samples/street.png', import.meta.url))
  beach = await readFile(new URL('../../samples/beach.png', import.meta.url))
  workers = await startRealWorkers('tiny', log)
  await workers.ready()
})

afterAll(() => workers.close())

test('says what is loaded', () => {
  expect(workers.status()).toMatchObject({
    state: 'ready',
    models: [
      {
        id: 'tiny',
        device: 'cpu',
        tasks: ['caption', 'describe', 'locate', 'segment', 'dense_caption'],
      },
    ],
  })
})

test('captions an image and places every word inside it', async () => {
  const { result, timing } = await ask('caption', street)

  const { caption, words } = CaptionOutput.parse(result)
  expect(words.length).toBeGreaterThan(0)
  for (const { text, start, end, box } of words) {
    const [left, top, right, bottom] = box
    expect(caption.slice(start, end)).toBe(text)
    expect(0 <= left && left <= right && right <= WIDTH).toBe(true)
    expect(0 <= top && top <= bottom && bottom <= HEIGHT).toBe(true)
  }
  expect(timing.steps).toBeGreaterThan(0)
})

test('streams the words of the caption that it answers with', async () => {
  const streamed: Word[] = []

  const { result } = await ask('caption', street, { onWords: (words) => streamed.push(...words) })

  expect(streamed).toEqual(CaptionOutput.parse(result).words)
})

test('describes a place and locates a phrase', async () => {
  const location = { type: 'box', box: [103, 169, 173, 264] }
  const phrase = 'the yellow cat'

  const [described, located] = await Promise.all([
    ask('describe', street, { request: { location, beams: 1 } }),
    ask('locate', street, { request: { phrase } }),
  ])

  DescribeOutput.parse(described.result)
  expect(LocateOutput.parse(located.result).phrase).toBe(phrase)
})

test('gives each of many calls at once the answer that it gets alone', async () => {
  const images = [street, beach, street, beach, street, beach]
  const alone = [await ask('caption', street), await ask('caption', beach)]

  const together = await Promise.all(images.map((image) => ask('caption', image)))

  const captions = together.map(({ result }) => CaptionOutput.parse(result).caption)
  const expected = alone.map(({ result }) => CaptionOutput.parse(result).caption)
  expect(captions).toEqual([...expected, ...expected, ...expected])
})

test('counts batches and looks for features, and tells with its heartbeat', async () => {
  const before = workers.inspect().workers[0]?.work
  await ask('caption', street)

  await until(
    () => (workers.inspect().workers[0]?.work?.cache_hits ?? 0) > (before?.cache_hits ?? 0),
  )

  const { steps = [] } = workers.inspect().workers[0]?.work ?? {}
  const decode = steps.find(({ step }) => step === 'decode')
  expect(decode?.seconds).toBeGreaterThan(0)
  expect(decode?.sizes.every(([size, batches]) => size >= 1 && batches >= 1)).toBe(true)
})

test('reports a file that is no picture', async () => {
  expect(await codeOf(ask('caption', Buffer.from('not a picture')))).toBe('image_unreadable')
})

test('is idle again after its caller hung up, and answers the next call', async () => {
  const controller = new AbortController()
  const aborted = codeOf(
    ask('caption', street, { signal: controller.signal, request: { beams: 8 } }),
  )
  await until(() => workers.inspect().workers[0]?.load === 1)

  controller.abort()

  expect(await aborted).toBe('cancelled')
  await until(() => workers.inspect().workers[0]?.load === 0)
  expect(await codeOf(ask('caption', street))).toBe('answered')
})

test('answers again after Python was killed', async () => {
  const pid = workers.inspect().workers[0]?.python_pid
  if (pid === undefined) throw new Error('no Python runs')

  process.kill(pid, 'SIGKILL')
  await gone(pid)

  expect(await codeOf(ask('caption', street))).toBe('answered')
})

test('says in one sentence that there is no such model, and leaves nothing running', async () => {
  const wrong = await startRealWorkers('/no/such/model', log)

  await expect(wrong.ready()).rejects.toMatchObject({
    code: 'model_unavailable',
    message: expect.stringContaining('/no/such/model'),
  })
  const [details] = wrong.inspect().workers
  await gone(details?.host_pid ?? 0)
  await gone(details?.python_pid ?? 0)
  await wrong.close()
})

function ask(
  task: string,
  image: Uint8Array,
  options: Partial<RunOptions> & { request?: Record<string, unknown> } = {},
): Promise<Answer> {
  const { request = { beams: 1 }, signal = new AbortController().signal, onWords } = options
  const id = createHash('sha256').update(image).digest('hex')
  const [{ id: model } = { id: '' }] = workers.status().models
  return workers.run(
    { id: randomUUID(), model, task, request, image: { id, bytes: image }, timeout_ms: 60_000 },
    { signal, ...(onWords && { onWords }) },
  )
}
