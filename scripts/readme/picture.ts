/** The picture of the README: a scene, and on it the places of its caption's words as the server says. */
import { readFile, writeFile } from 'node:fs/promises'
import sharp from 'sharp'
import { type CaptionResult, PixelLLM } from '../../sdk/src/index.ts'

const SCENE = 'samples/harbour.png'
const PICTURE = 'docs/caption.png'
const WIDTH = 600
const COLOURS = ['#e6194b', '#1f77b4', '#2ca02c', '#9467bd', '#ff7f0e', '#17becf', '#8c564b']
const NO_PHRASE = '#444444'
const LINE = { height: 26, letters: 66, fontSize: 16, margin: 8 }

type Word = CaptionResult['words'][number]

/** Asks the server at `address` and draws what it replies. */
export async function drawCaption(address: string): Promise<void> {
  const image = await readFile(SCENE)
  const answer = await new PixelLLM({ baseUrl: address }).caption(image, { ground: 'box' })
  const scale = WIDTH / answer.image.width
  const height = Math.round(answer.image.height * scale)
  const lines = linesOf(answer.words)
  const below = LINE.height * lines.length + LINE.margin
  const drawn = [
    ...boxesOf(answer, scale),
    ...answer.words.map((word) => dotOf(word, answer, scale)),
    ...lines.map((words, row) => textOf(words, answer, height + LINE.height * (row + 0.8))),
  ]
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height + below}">${drawn.join('')}</svg>`
  const enlarged = await sharp(image)
    .resize(WIDTH, height)
    .extend({ bottom: below, background: 'white' })
    .toBuffer()
  const picture = await sharp(enlarged)
    .composite([{ input: Buffer.from(svg) }])
    .png({ palette: true })
    .toBuffer()
  await writeFile(PICTURE, picture)
}

function boxesOf({ phrases = [] }: CaptionResult, scale: number): string[] {
  return phrases.map(({ box: [left, top, right, bottom] }, index) => {
    const size = `width="${(right - left) * scale}" height="${(bottom - top) * scale}"`
    const stroke = `fill="none" stroke="${colourOf(index)}" stroke-width="2"`
    return `<rect x="${left * scale}" y="${top * scale}" ${size} ${stroke}/>`
  })
}

function dotOf(word: Word, answer: CaptionResult, scale: number): string {
  const [x, y] = word.point
  const fill = colourAt(word.start, answer)
  return `<circle cx="${x * scale}" cy="${y * scale}" r="4" fill="${fill}" stroke="white"/>`
}

function textOf(words: readonly Word[], answer: CaptionResult, y: number): string {
  const spans = words.map(
    ({ text, start }) => `<tspan fill="${colourAt(start, answer)}">${text} </tspan>`,
  )
  const font = `font-family="sans-serif" font-size="${LINE.fontSize}" xml:space="preserve"`
  return `<text x="${LINE.margin}" y="${y}" ${font}>${spans.join('')}</text>`
}

/** The words in lines that fit below the picture. */
function linesOf(words: readonly Word[]): Word[][] {
  const lines: Word[][] = []
  let letters = Number.POSITIVE_INFINITY
  for (const word of words) {
    letters += word.text.length + 1
    if (letters > LINE.letters) {
      lines.push([])
      letters = word.text.length + 1
    }
    lines.at(-1)?.push(word)
  }
  return lines
}

/** The colour of the phrase that a place in the caption belongs to. */
function colourAt(start: number, { phrases = [] }: CaptionResult): string {
  const index = phrases.findIndex((phrase) => phrase.start <= start && start < phrase.end)
  return index < 0 ? NO_PHRASE : colourOf(index)
}

function colourOf(index: number): string {
  return COLOURS[index % COLOURS.length] ?? NO_PHRASE
}
