import { describe, expect, test } from '@jest/globals'
import sharp from 'sharp'
import { drawAnnotatedPng, drawAnnotatedSvg, type Subject } from '../../../api/pictures/index.ts'
import { type Task, tasks } from '../../../schemas/index.ts'
import { mask, phrase, words } from '../../helpers/fake-worker.ts'
import { picture, pngBytes } from '../../helpers/pictures.ts'

const image = { id: 'img_9f86d081884c7d659a2feaa0c55ad015', width: 40, height: 30 }
const about = { image, model: 'tiny' }
const file = { width: 40, height: 30, bytes: await pngBytes(40, 30) }
const box = [8, 4, 16, 12]

const results: Record<string, Record<string, unknown>> = {
  caption: { caption: 'a circle', words, score: 0.6, phrases: [{ ...phrase, mask }], ...about },
  describe: { caption: 'a circle', words, score: 0.6, ...about },
  locate: { phrase: 'the circle', box, score: 0.9, ...about },
  segment: { phrase: 'the circle', box, mask, score: 0.9, mask_score: 0.8, ...about },
  dense_caption: { regions: [{ box, caption: 'a circle', score: 0.9, mask }], ...about },
}

function subject(name: string, changed: Record<string, unknown> = {}): Subject {
  return {
    task: taskNamed(name),
    result: { ...results[name], ...changed },
    location: undefined,
    image: file,
  }
}

function taskNamed(name: string): Task {
  const task = tasks.find((task) => task.name === name)
  if (task === undefined) throw new Error(`no task ${name}`)
  return task
}

/** The text of a picture, as its outlines spell it. */
function outlinesIn(svg: string): string {
  return Array.from(svg.matchAll(/<use href="#glyph-([0-9a-f]+)"/g), ([, code = '']) =>
    String.fromCodePoint(Number.parseInt(code, 16)),
  ).join('')
}

describe.each(tasks.map(({ name }) => name))('the picture of %s', (name) => {
  test('is a PNG file', async () => {
    const drawing = await drawAnnotatedPng(subject(name))

    const { format, width, height } = await sharp(drawing).metadata()
    expect(format).toBe('png')
    expect(width).toBe(720)
    expect(height).toBeGreaterThanOrEqual(540)
  })

  test('is an SVG file that a renderer takes, and that needs nothing from elsewhere', async () => {
    const svg = await drawAnnotatedSvg(subject(name))

    expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/)
    expect(svg.replaceAll(/href="(?:#glyph-|data:image\/(?:jpeg|png);base64,)/g, '')).not.toMatch(
      /href=|url\(|<script|<style|\son\w+=|<foreignObject/,
    )
    await expect(sharp(Buffer.from(svg)).metadata()).resolves.toMatchObject({ width: 720 })
  })

  test('says in words what it shows', async () => {
    const svg = await drawAnnotatedSvg(subject(name))

    expect(svg).toMatch(/role="img" aria-labelledby="pixelllm-title pixelllm-desc"/)
    expect(svg).toMatch(/<title id="pixelllm-title">[^<]+<\/title>/)
    expect(svg).toMatch(/<desc id="pixelllm-desc">An image of 40 x 30 pixels\.[^<]*circle/)
  })

  test('needs no font for what models write', async () => {
    const svg = await drawAnnotatedSvg(subject(name))

    expect(svg).not.toContain('<text')
    expect(outlinesIn(svg)).toContain('circle')
  })
})

test.each([
  ['<script>alert(1)</script>', '&lt;script&gt;alert(1)&lt;/script&gt;'],
  ['"></title><g onload="x">', '&quot;&gt;&lt;/title&gt;&lt;g onload=&quot;x&quot;&gt;'],
  ['a & b', 'a &amp; b'],
  ['猫 <b>', '猫 &lt;b&gt;'],
])('the phrase %s is text', async (phrase, escaped) => {
  const svg = await drawAnnotatedSvg(subject('locate', { phrase }))

  expect(svg).toContain(`<title id="pixelllm-title">${escaped}</title>`)
  expect(svg.match(/<title/g)).toHaveLength(1)
  expect(svg).not.toMatch(/<script|<g onload|<b>/)
  await expect(sharp(Buffer.from(svg)).png().toBuffer()).resolves.toBeDefined()
})

test('the image is shown the right way up', async () => {
  // Left half red, right half blue, to be turned by 90 degrees: red is then above.
  const halves = await picture(20, 40)
    .composite([
      {
        input: await sharp({ create: solid(10, 40, 'blue') })
          .png()
          .toBuffer(),
        left: 10,
        top: 0,
      },
    ])
    .jpeg()
    .withMetadata({ orientation: 6 })
    .toBuffer()
  const turned = { width: 40, height: 20, bytes: halves }

  const drawing = await drawAnnotatedPng({
    ...subject('dense_caption', { regions: [] }),
    image: turned,
  })

  const { data, info } = await sharp(drawing)
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true })
  expect(info).toMatchObject({ width: 720, height: 360 })
  const at = (x: number, y: number): number[] => [
    ...data.subarray((y * 720 + x) * 3).subarray(0, 3),
  ]
  expect(at(360, 40)[0]).toBeGreaterThan(150)
  expect(at(360, 320)[2]).toBeGreaterThan(200)
})

function solid(width: number, height: number, background: string) {
  return { width, height, channels: 3 as const, background }
}

test.each([
  [2000, 1500, 1600, 1200],
  [1000, 500, 1000, 500],
  [200, 100, 720, 360],
  [3000, 8, 1600, 120],
  [8, 3000, 480, 1600],
])('an image of %d x %d is shown in a picture of %d x %d', async (width, height, wide, high) => {
  const bytes = await pngBytes(width, height)
  const asked = { ...subject('dense_caption', { regions: [] }), image: { width, height, bytes } }

  const svg = await drawAnnotatedSvg(asked)

  expect(svg).toContain(`viewBox="0 0 ${wide} ${high}"`)
})

test('a long caption is wrapped below the image', async () => {
  const caption = 'a small circle '.repeat(20).trim()
  const short = await drawAnnotatedPng(subject('caption'))
  const long = await drawAnnotatedPng(subject('caption', { caption, words: [], phrases: [] }))

  const { height: shortHeight } = await sharp(short).metadata()
  const { height, width } = await sharp(long).metadata()
  expect(width).toBe(720)
  expect(height).toBeGreaterThan(shortHeight + 50)
})

test('words of a phrase have its colour, and others none', async () => {
  const svg = await drawAnnotatedSvg(
    subject('caption', { phrases: [{ ...phrase, text: 'circle', start: 2, end: 8 }] }),
  )

  const dots = Array.from(svg.matchAll(/<circle [^>]*fill="(#\w+)"/g), ([, fill]) => fill)
  expect(dots.filter((fill) => fill !== '#111111' && fill !== '#FFFFFF')).toEqual([
    '#BBBBBB',
    '#E69F00',
  ])
})

test('more regions than can be read on the image are numbered, and listed below it', async () => {
  const regions = Array.from({ length: 9 }, (_, i) => ({
    box,
    caption: 'a circle',
    score: 1 - i / 10,
  }))

  const svg = await drawAnnotatedSvg(subject('dense_caption', { regions }))

  expect(outlinesIn(svg)).toMatch(/1acircle100%.*9acircle20%/)
})

test.each([
  [{ type: 'point' as const, point: [9, 9] as [number, number] }],
  [{ type: 'box' as const, box: [2, 2, 30, 20] as [number, number, number, number] }],
])('the place that was asked about is marked with dashes: %j', async (location) => {
  const svg = await drawAnnotatedSvg({ ...subject('describe'), location })

  expect(svg).toContain('stroke-dasharray')
})

test('an image that cannot be decoded is named as such', async () => {
  const broken = { ...subject('locate'), image: { ...file, bytes: Buffer.from('no image') } }

  await expect(drawAnnotatedPng(broken)).rejects.toMatchObject({ code: 'image_unreadable' })
})
