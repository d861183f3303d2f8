/** From the result of a task to what its picture shows. */
import {
  type Box,
  CaptionResult,
  DenseCaptionResult,
  type ImageInfo,
  LocateResult,
  type Location,
  type Region,
  SegmentResult,
  type TaskName,
} from '../../schemas/index.ts'
import type { Annotation, Mark, Span } from './annotation.ts'
import { colourOf, NEUTRAL } from './colours.ts'

/** More captions than these are written below the picture, with numbers to find them by. */
const MAX_CAPTIONS = 8
/** A longer one as well. */
const MAX_CAPTION_LENGTH = 60

/** What the picture of a result shows; `asked` is where the caller asked to look. */
export function annotate(task: TaskName, result: unknown, asked?: Location): Annotation {
  switch (task) {
    case 'caption':
    case 'describe':
      return annotateCaption(CaptionResult.parse(result), asked)
    case 'locate':
      return annotateFound(LocateResult.parse(result))
    case 'segment':
      return annotateFound(SegmentResult.parse(result))
    case 'dense_caption':
      return annotateRegions(DenseCaptionResult.parse(result))
  }
}

function annotateCaption(result: CaptionResult, asked: Location | undefined): Annotation {
  const { caption, words, phrases = [] } = result
  const colours = coloursOf(result)
  const places = words.map(
    ({ text, point: [x, y] }) => `${text} at ${Math.round(x)}, ${Math.round(y)}`,
  )
  return {
    title: caption,
    description: `${about(result.image)} The places of the words: ${places.join('; ')}.`,
    marks: [
      ...(asked === undefined ? [] : [{ colour: NEUTRAL, shape: asked, asked: true }]),
      ...phrases.map(({ box, mask }, index) => ({
        colour: colourOf(index),
        shape: { type: 'box' as const, box },
        ...(mask && { mask }),
      })),
      ...words.map(({ text, point }, index) => ({
        colour: colours[index] ?? NEUTRAL,
        shape: { type: 'point' as const, point },
        label: text,
      })),
    ],
    text: [spansOf(result, colours)],
  }
}

/** The colour of each word: that of its phrase, and without phrases one of its own. */
function coloursOf({ words, phrases }: CaptionResult): string[] {
  if (phrases === undefined) return words.map((_, index) => colourOf(index))
  return words.map((word) => {
    const index = phrases.findIndex(({ start, end }) => start <= word.start && word.end <= end)
    return index < 0 ? NEUTRAL : colourOf(index)
  })
}

/** The caption cut where the colour changes. Indices of words count code points. */
function spansOf({ caption, words }: CaptionResult, colours: readonly string[]): Span[] {
  const characters = Array.from(caption)
  const spans: Span[] = []
  let at = 0
  for (const [index, { start, end }] of words.entries()) {
    spans.push({ text: characters.slice(at, start).join('') })
    const colour = colours[index]
    const text = characters.slice(start, end).join('')
    spans.push({ text, ...(colour !== undefined && { colour }) })
    at = end
  }
  spans.push({ text: characters.slice(at).join('') })
  return spans.filter(({ text }) => text !== '')
}

function annotateFound(result: LocateResult | SegmentResult): Annotation {
  const { phrase, box, score } = result
  const label = `${phrase} ${percent(score)}`
  const mark: Mark = { colour: colourOf(0), shape: { type: 'box', box }, label }
  return {
    title: phrase,
    description: `${about(result.image)} ${phrase}: ${inWords(box)}, with a score of ${percent(score)}.`,
    marks: ['mask' in result ? { ...mark, mask: result.mask } : mark],
    text: [],
  }
}

function annotateRegions({ regions, image }: DenseCaptionResult): Annotation {
  const numbered =
    regions.length > MAX_CAPTIONS ||
    regions.some(({ caption }) => caption.length > MAX_CAPTION_LENGTH)
  const described = regions.map(
    ({ caption, box }, index) => `${index + 1}: ${caption}, ${inWords(box)}`,
  )
  return {
    title: regions.length === 1 ? '1 region' : `${regions.length} regions`,
    description: `${about(image)} ${described.join('; ')}`,
    // The best one is drawn last, over the others.
    marks: regions.map((region, index) => markRegion(region, index, numbered)).reverse(),
    text: numbered ? regions.map((region, index) => listRegion(region, index)) : [],
  }
}

function markRegion({ box, caption, mask }: Region, index: number, numbered: boolean): Mark {
  return {
    colour: colourOf(index),
    shape: { type: 'box', box },
    label: numbered ? `${index + 1}` : caption,
    ...(mask && { mask }),
  }
}

function listRegion({ caption, score }: Region, index: number): Span[] {
  return [
    { text: `${index + 1}`, colour: colourOf(index) },
    { text: ` ${caption} ${percent(score)}` },
  ]
}

function about({ width, height }: ImageInfo): string {
  return `An image of ${width} x ${height} pixels.`
}

function inWords(box: Box): string {
  const [left, top, right, bottom] = box.map(Math.round)
  return `from ${left}, ${top} to ${right}, ${bottom}`
}

function percent(score: number): string {
  return `${Math.round(score * 100)} %`
}
