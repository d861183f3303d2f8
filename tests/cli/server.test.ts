/** The program against a real server with the tiny model. */
import { once } from 'node:events'
import { watch } from 'node:fs'
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  jest,
  test,
} from '@jest/globals'
import sharp from 'sharp'
import {
  CaptionResult,
  DenseCaptionResult,
  DescribeResult,
  decodeMask,
  LocateResult,
  SegmentResult,
} from '../../schemas/index.ts'
import { PixelLLM } from '../../sdk/src/index.ts'
import { type Ended, pixelllm, startPixelllm } from '../helpers/command-line.ts'
import { ServerProcess } from '../helpers/server-process.ts'

jest.setTimeout(120_000)

const street = 'samples/street.png'
const harbour = 'samples/harbour.png'

let address: string
let folder: string

beforeAll(async () => {
  address = await (await ServerProcess.start()).address()
})

afterAll(() => ServerProcess.killAll())

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelllm-cli-'))
})

afterEach(() => rm(folder, { recursive: true }))

const ask = (...args: string[]): Promise<Ended> => pixelllm(address, args)

describe('a task', () => {
  test('captions: the sentence, then every word with its point', async () => {
    const { code, out, err } = await ask('caption', harbour)

    expect({ code, err }).toEqual({ code: 0, err: '' })
    const [sentence, ...words] = out.trimEnd().split('\n')
    expect(sentence).toMatch(
      /^a purple boat, a purple boat and a red boat by the sea {2}\(0\.\d\d\)$/,
    )
    expect(words).toHaveLength(13)
    expect(words[1]).toMatch(/^purple {2}11\d\.\d,12\d\.\d {2}0\.99|1\.00$/)
  })

  test('gives programs what the server says', async () => {
    const { out } = await ask('caption', harbour, '--json', '--ground', 'box', '--beams', '2')

    const client = new PixelLLM({ baseUrl: address })
    const image = await readFile(harbour)
    const answer = await client.caption(image, { ground: 'box', beams: 2 })
    expect(CaptionResult.parse(JSON.parse(out)).phrases).toEqual(answer.phrases)
  })

  test.each([
    ['--point', '140,230'],
    ['--box', '95,165,180,275'],
  ])('describes what is at %s %s', async (option, place) => {
    const { out } = await ask('describe', street, option, place, '--json')

    expect(DescribeResult.parse(JSON.parse(out)).caption).toBe('a small yellow cat')
  })

  test('locates', async () => {
    const [people, programs] = [
      await ask('locate', street, 'the red bus'),
      await ask('locate', street, 'the red bus', '--json'),
    ]

    const { box, score } = LocateResult.parse(JSON.parse(programs.out))
    const edges = box.map((edge) => edge.toFixed(1)).join(',')
    expect(people.out).toBe(`the red bus  ${edges}  ${score.toFixed(2)}\n`)
  })

  test('segments, and writes the mask as a picture', async () => {
    const file = join(folder, 'mask.png')

    const { out } = await ask('segment', street, 'the yellow cat', '--png', file, '--json')

    const { mask } = SegmentResult.parse(JSON.parse(out))
    const drawn = await sharp(file).toColourspace('b-w').raw().toBuffer({ resolveWithObject: true })
    expect(drawn.info).toMatchObject({ width: 480, height: 354, channels: 1 })
    expect(Buffer.from(decodeMask(mask).map((pixel) => pixel * 255)).equals(drawn.data)).toBe(true)
    expect(drawn.data.includes(255)).toBe(true)
  })

  test('captions regions', async () => {
    const { out } = await ask('dense', street, '--max-regions', '3', '--masks', '--json')

    const { regions } = DenseCaptionResult.parse(JSON.parse(out))
    expect(regions).toHaveLength(3)
    expect(regions[0]?.mask).toBeDefined()
  })

  test('asks about a stored image', async () => {
    const { id } = await new PixelLLM({ baseUrl: address }).images.store(await readFile(street))

    const { out } = await ask('locate', id, 'the red bus', '--json')

    expect(LocateResult.parse(JSON.parse(out)).image.id).toBe(id)
  })

  test('opens a page with the picture and the answer', async () => {
    const browser = join(folder, 'browser')
    const seen = join(folder, 'seen.html')
    // Renamed as a whole, so that the test never finds a part of it.
    await writeFile(browser, `#!/bin/sh\ncp "$1" ${seen}.part && mv ${seen}.part ${seen}\n`)
    await chmod(browser, 0o755)

    const args = ['segment', street, 'the yellow cat', '--open']
    const { code } = await pixelllm(address, args, { BROWSER: browser })

    expect(code).toBe(0)
    const page = await whenThere(seen)
    expect(page).toContain('<title>the yellow cat</title>')
    expect(page).toContain((await readFile(street)).toString('base64'))
    expect(page).toMatch(/<rect x="10\d\.\d+" y="1[67]\d/)
    expect(page).toContain('mask-image: url(data:image/png;base64,')
  })
})

test('ends with 1 and a sentence where the server refuses', async () => {
  const { code, out, err } = await ask('describe', street, '--point', '900,1')

  expect({ code, out }).toEqual({ code: 1, out: '' })
  expect(err).toMatch(
    /^pixelllm: \/location: the point \[900, 1\] reaches outside .*\(invalid_request\)\n$/,
  )
})

test('says whether the server is ready and which models it has', async () => {
  const [health, models] = [await ask('health'), await ask('models', 'list')]

  expect(health).toMatchObject({ code: 0, out: 'ready\n' })
  expect(models.out).toMatch(/^tiny +active, default +caption describe locate segment/)
})

describe('a batch', () => {
  let pictures: string
  let out: string

  beforeEach(async () => {
    pictures = join(folder, 'pictures')
    out = join(folder, 'answers.jsonl')
    await mkdir(join(pictures, 'more'), { recursive: true })
    await copyFile(street, join(pictures, 'street.png'))
    await copyFile(harbour, join(pictures, 'more', 'harbour.PNG'))
    await writeFile(join(pictures, 'notes.txt'), 'no picture')
  })

  const run = (...options: string[]): Promise<Ended> =>
    ask('batch', pictures, '--out', out, ...options)

  test('asks about every picture of a folder and of those in it', async () => {
    const { code, out: said } = await run()

    expect({ code, said }).toEqual({ code: 0, said: '2 answered, 0 skipped, 0 failed\n' })
    const lines = await answersIn(out)
    expect(lines.map(({ image }) => image).sort()).toEqual(['more/harbour.PNG', 'street.png'])
    for (const { task, answer } of lines) {
      expect(task).toBe('caption')
      expect(CaptionResult.parse(answer).words.length).toBeGreaterThan(0)
    }
  })

  test('goes on where it was stopped, and repairs the line that was cut', async () => {
    await run()
    const [first] = (await readFile(out, 'utf8')).split('\n')
    await writeFile(out, `${first}\n{"image":"street.png","task":"capt`)

    const { out: said } = await run()

    expect(said).toBe('1 answered, 1 skipped, 0 failed\n')
    expect((await answersIn(out)).map(({ image }) => image).sort()).toEqual([
      'more/harbour.PNG',
      'street.png',
    ])
    expect((await readFile(out, 'utf8')).startsWith(`${first}\n`)).toBe(true)
  })

  test('names the pictures that fail, answers the others and asks again the next time', async () => {
    await writeFile(join(pictures, 'broken.png'), (await readFile(street)).subarray(0, 5000))

    const [first, second] = [await run(), await run()]

    expect(first.code).toBe(1)
    expect(first.out).toBe('2 answered, 0 skipped, 1 failed\n')
    expect(first.err).toMatch(/^broken\.png: /)
    expect(second.out).toBe('0 answered, 2 skipped, 1 failed\n')
  })

  test('asks for another task, one picture at a time', async () => {
    const phrase = ['--task', 'locate', '--phrase', 'the red boat']

    const { out: said } = await run(...phrase, '--concurrency', '1', '--json')

    expect(JSON.parse(said)).toEqual({ answered: 2, skipped: 0, failed: [] })
    for (const { answer } of await answersIn(out)) LocateResult.parse(answer)
  })

  test('does not mix the answers of two tasks', async () => {
    await run()

    const { code, err } = await run('--task', 'dense')

    expect(code).toBe(2)
    expect(err).toContain('has answers of caption; name another file for dense')
  })

  test('leaves a file alone that is none of its own', async () => {
    await writeFile(out, 'dear diary\n')

    const { code, err } = await run()

    expect(code).toBe(2)
    expect(err).toContain('answers.jsonl:1: it is no answer of a batch')
    expect(await readFile(out, 'utf8')).toBe('dear diary\n')
  })

  test('stops with whole lines when it is interrupted', async () => {
    for (let copy = 0; copy < 40; copy++) await copyFile(street, join(pictures, `${copy}.png`))

    const started = startPixelllm(address, ['batch', pictures, '--out', out, '--concurrency', '1'])
    await whenThere(out)
    started.interrupt()
    const { code, err } = await started.ended

    expect({ code, err }).toEqual({ code: 130, err: '' })
    const lines = await answersIn(out)
    expect(lines.length).toBeGreaterThan(0)
    expect(lines.length).toBeLessThan(42)
  })
})

test('a batch ends where the server is away', async () => {
  const args = ['batch', 'samples', '--out', join(folder, 'answers.jsonl')]

  const { code, out, err } = await pixelllm('http://127.0.0.1:1', args)

  expect({ code, out }).toEqual({ code: 1, out: '' })
  expect(err).toContain('is the server running? --url or PIXELLLM_URL says where it is')
})

async function answersIn(
  file: string,
): Promise<{ image: string; task: string; answer: unknown }[]> {
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n')
  return lines.map((line) => JSON.parse(line))
}

/** The text of a file as soon as there is something in it. */
async function whenThere(file: string): Promise<string> {
  const watcher = watch(dirname(file))
  const deadline = AbortSignal.timeout(60_000)
  try {
    for (;;) {
      const change = once(watcher, 'change', { signal: deadline })
      change.catch(() => undefined) // where nobody waits for it any more
      const text = await readFile(file, 'utf8').catch(() => '')
      if (text !== '') return text
      await change
    }
  } finally {
    watcher.close()
  }
}
