/** The program between what Label Studio sent and a real server with the tiny model. */
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { startPixelllm } from '../helpers/command-line.ts'
import { FakeLabelStudio } from '../helpers/fake-label-studio.ts'
import { runHere } from '../helpers/fake-terminal.ts'
import { readPayload } from '../helpers/label-studio-payloads.ts'
import { checkNames, type Prediction, Predictions } from '../helpers/label-studio-predictions.ts'
import { decodeLabelStudioRle } from '../helpers/label-studio-rle.ts'
import { ServerProcess } from '../helpers/server-process.ts'

jest.setTimeout(120_000)

const KEY = '0123456789abcdef0123456789abcdef01234567'
const labelStudio = new FakeLabelStudio()

let server: string
let started: ReturnType<typeof startPixelllm>
let address: string

beforeAll(async () => {
  server = await (await ServerProcess.start()).address()
  const files = { street: '4d658d5f-street.png', harbour: 'dd51a5b5-harbour.png' }
  for (const [name, file] of Object.entries(files)) {
    const bytes = await readFile(`samples/${name}.png`)
    labelStudio.guard(`/data/upload/1/${file}`, bytes, `Token ${KEY}`)
  }
  const args = ['label-studio', '--label-studio-url', await labelStudio.open(), '--port', '0']
  started = startPixelllm(server, args, { LABEL_STUDIO_API_KEY: KEY })
  address = /http:\S+/.exec(await started.line)?.[0] ?? ''
})

afterAll(async () => {
  started.interrupt()
  await Promise.all([started.ended, labelStudio.close(), ServerProcess.killAll()])
})

async function post(path: string, body: Record<string, unknown>): Promise<unknown> {
  const reply = await fetch(`${address}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  expect(reply.status).toBe(200)
  return reply.json()
}

async function predict(body: Record<string, unknown>): Promise<Prediction[]> {
  const { results } = Predictions.parse(await post('/predict', body))
  return results.map((one) => {
    if (!('result' in one)) throw new Error('a task has no prediction')
    checkNames(one, String(body.label_config))
    return one
  })
}

test('is set up for a project', async () => {
  expect(await post('/setup', readPayload('setup'))).toEqual({ model_version: 'tiny' })
})

test('fills in every tag about uploaded pictures', async () => {
  const [street, harbour] = await predict(readPayload('predict'))

  const named = (street?.result ?? []).map(({ from_name, value }) => ({ from_name, value }))
  expect(named).toEqual(
    expect.arrayContaining([
      { from_name: 'things', value: expect.objectContaining({ rectanglelabels: ['Bus'] }) },
      { from_name: 'description', value: expect.objectContaining({ text: ['a small red bus'] }) },
      { from_name: 'pixels', value: expect.objectContaining({ brushlabels: ['Cat'] }) },
      { from_name: 'points', value: expect.objectContaining({ keypointlabels: ['bird'] }) },
    ]),
  )
  expect(harbour?.result.at(-1)?.value).toEqual({
    text: ['a purple boat, a purple boat and a red boat by the sea'],
  })
})

test('places a mask where its box is', async () => {
  const [street] = await predict(readPayload('predict'))

  const brush = street?.result.find(({ type }) => type === 'brushlabels')
  const cat = street?.result.find((one) => Object(one.value).rectanglelabels?.[0] === 'cat')
  if (brush?.type !== 'brushlabels' || cat?.type !== 'rectanglelabels') throw new Error('no cat')
  const { original_width: width, original_height: height } = brush
  const pixels = decodeLabelStudioRle(brush.value.rle)
  const columns = [...pixels.entries()].flatMap(([at, set]) => (set ? [at % width] : []))
  expect(pixels).toHaveLength(width * height)
  expect((Math.min(...columns) / width) * 100).toBeCloseTo(cat.value.x, -1)
  expect((Math.max(...columns) / width) * 100).toBeCloseTo(cat.value.x + cat.value.width, -1)
})

test('describes what is drawn, with its mask', async () => {
  const [prediction] = await predict(readPayload('interactive'))

  expect(prediction?.result.map(({ type, from_name }) => [type, from_name])).toEqual([
    ['brushlabels', 'pixels'],
    ['textarea', 'description'],
  ])
  expect(prediction?.result[1]?.value).toMatchObject({ text: ['a small yellow cat'] })
})

test('fills in the configuration of the document', async () => {
  const text = await readFile('docs/label-studio.md', 'utf8')
  const label_config = /^```xml\n(.*?)^```/ms.exec(text)?.[1] ?? ''

  const [street] = await predict({ ...readPayload('predict'), label_config })

  const filled = new Set(street?.result.map(({ from_name }) => from_name))
  expect([...filled].sort()).toEqual(['box', 'caption', 'description', 'pixels', 'point'])
})

test('ends when it is interrupted', async () => {
  const other = startPixelllm(server, ['label-studio', '--port', '0'])
  await other.line

  other.interrupt()

  expect(await other.ended).toMatchObject({ code: 130, err: '' })
})

describe('wrong use is told with what to do', () => {
  test.each([
    { args: ['--port', '70000'], why: '--port takes a number up to 65535, not 70000' },
    { args: ['--min-score', '2'], why: '--min-score takes a number from 0 to 1, not 2' },
    { args: ['--label-studio-url', 'ftp://x'], why: 'takes an address of http, not ftp://x' },
    { args: ['--allow-host', 'http://x/'], why: '--allow-host takes the name of a host' },
    { args: [], env: { BASIC_AUTH_USER: 'me' }, why: 'BASIC_AUTH_USER and BASIC_AUTH_PASS one is' },
  ])('$args', async ({ args, env, why }) => {
    const { code, err } = await runHere(server, ['label-studio', ...args], env && { env })

    expect(code).toBe(2)
    expect(err).toContain(why)
  })
})

test('says that an address is taken', async () => {
  const args = ['label-studio', '--port', new URL(address).port]

  const { code, err } = await runHere(server, args)

  expect(code).toBe(1)
  expect(err).toMatch(/address already in use/)
})

test('warns where everybody can reach it', async () => {
  // An address for documents, which no machine has.
  const args = ['label-studio', '--host', '192.0.2.1', '--port', '0']

  const { err } = await runHere(server, args)

  expect(err).toMatch(/^everybody who reaches this address may ask: set BASIC_AUTH_USER/)
})
