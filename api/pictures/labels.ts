/** The labels of a picture: what they say, how large they are, and where they lie. */
import type { Mark } from './annotation.ts'
import type { Geometry } from './geometry.ts'
import { anyOverlap, placeLabels } from './place-labels.ts'
import { type Rectangle, rectangleAt } from './rectangles.ts'
import { ASCENT, DESCENT, measureText, wrapText } from './text.ts'

/** Where labels find no room, they are written smaller, down to this part. */
const LETTER_SIZES = [1, 0.85, 0.7]
/** More cannot be read, and finding places for them takes long; the text below has them all. */
const MAX_LABELS = 100
/** Of a label, in letters. */
const MAX_WIDTH = 16
const MAX_LINES = 3
const PADDING = 0.3
const LINE = ASCENT + DESCENT

export interface PlacedLabel {
  readonly colour: string
  readonly lines: readonly string[]
  readonly letters: number
  readonly padding: number
  /** Of a line. */
  readonly height: number
  readonly place: Rectangle
  /** What it names: the square around a dot, or a box. */
  readonly anchor: Rectangle
}

/** The labels that fit, at the largest of the sizes at which none lies over another, or the smallest. */
export function labelMarks(marks: readonly Mark[], geometry: Geometry): PlacedLabel[] {
  let labels: PlacedLabel[] = []
  for (const part of LETTER_SIZES) {
    const placed = placeAt(geometry.letters * part, marks, geometry)
    labels = placed.filter((label) => label !== undefined)
    if (labels.length === placed.length && !anyOverlap(labels.map(({ place }) => place))) break
  }
  return labels
}

function placeAt(
  letters: number,
  marks: readonly Mark[],
  geometry: Geometry,
): (PlacedLabel | undefined)[] {
  const labelled = marks.filter(({ label }) => label !== undefined).slice(0, MAX_LABELS)
  const labels = labelled.flatMap((mark) => {
    const { label, colour } = mark
    if (label === undefined) return []
    return [
      { colour, letters, anchor: anchorOf(mark, geometry), ...sizeOf(label, letters, geometry) },
    ]
  })
  const places = placeLabels(labels, {
    area: geometry.area,
    dots: marks.filter(isDot).map((mark) => anchorOf(mark, geometry)),
    gap: geometry.dot / 2,
  })
  return labels.map(({ width, height, lines, ...label }, index) => {
    const place = places[index]
    return place && { ...label, lines, padding: PADDING * letters, height: LINE * letters, place }
  })
}

function sizeOf(
  label: string,
  letters: number,
  { area }: Geometry,
): { lines: string[]; width: number; height: number } {
  const padding = 2 * PADDING * letters
  const room = Math.min(MAX_WIDTH * letters, (area.right - area.left) / 2) - padding
  const lines = wrapText(label, letters, room, MAX_LINES)
  const widest = Math.max(...lines.map((line) => measureText(line, letters)))
  return { lines, width: widest + padding, height: lines.length * LINE * letters + padding }
}

function isDot({ shape, asked }: Mark): boolean {
  return shape.type === 'point' && asked !== true
}

/** What a mark covers of the picture; of a box, the part that lies inside. */
export function anchorOf({ shape }: Mark, { image, scale, dot, stroke }: Geometry): Rectangle {
  if (shape.type === 'point') {
    const [x, y] = shape.point
    const side = 2 * (dot + stroke)
    const left = image.left + clamp(x * scale, image.right - image.left) - side / 2
    const top = image.top + clamp(y * scale, image.bottom - image.top) - side / 2
    return rectangleAt(left, top, { width: side, height: side })
  }
  const [left, top, right, bottom] = shape.box
  return {
    left: image.left + clamp(left * scale, image.right - image.left),
    top: image.top + clamp(top * scale, image.bottom - image.top),
    right: image.left + clamp(right * scale, image.right - image.left),
    bottom: image.top + clamp(bottom * scale, image.bottom - image.top),
  }
}

function clamp(value: number, high: number): number {
  return Math.min(Math.max(value, 0), high)
}
