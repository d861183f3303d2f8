/** An annotated image as SVG: the image, the masks, what is marked, and the text below. */
import type { Annotation, Mark } from './annotation.ts'
import { INK, PAPER } from './colours.ts'
import type { Geometry } from './geometry.ts'
import { anchorOf, labelMarks, type PlacedLabel } from './labels.ts'
import { type SetSpan, setParagraphs } from './paragraphs.ts'
import { type Line, lengthOf, type Rectangle, shortestLine } from './rectangles.ts'
import { element, escapeXml, line, lineHeight, Outlines, rect } from './svg.ts'

const LEADING = 1.35

export interface Layers {
  /** A JPEG file of the size that the geometry gives the image. */
  readonly image: Uint8Array
  /** A PNG file of the same size. */
  readonly masks: Uint8Array | undefined
}

export function drawSvg(annotation: Annotation, geometry: Geometry, layers: Layers): string {
  const { area, image, letters } = geometry
  const outlines = new Outlines()
  const margin = letters * 0.6
  const lines = setParagraphs(annotation.text, letters, area.right - 2 * margin)
  const pitch = lineHeight(letters) * LEADING
  const below = lines.length === 0 ? 0 : lines.length * pitch + margin
  const height = Math.ceil(area.bottom + below)
  const labels = labelMarks(annotation.marks, geometry)
  const drawn = [
    rect({ left: 0, top: 0, right: area.right, bottom: height }, { fill: PAPER }),
    picture(layers.image, 'image/jpeg', image),
    ...(layers.masks === undefined ? [] : [picture(layers.masks, 'image/png', image)]),
    ...annotation.marks.filter(isOutline).map((mark) => drawOutline(mark, geometry)),
    ...labels.map((label) => drawLeader(label, geometry)),
    ...annotation.marks.filter(isDot).map((mark) => drawDot(mark, geometry)),
    ...labels.map((label) => drawLabel(label, geometry, outlines)),
    ...lines.flatMap((spans, row) =>
      spans.map((span) =>
        drawSpan(span, margin, area.bottom + margin / 2 + row * pitch, letters, outlines),
      ),
    ),
  ]
  return element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      width: area.right,
      height,
      viewBox: `0 0 ${area.right} ${height}`,
      role: 'img',
      'aria-labelledby': 'pixelllm-title pixelllm-desc',
    },
    [
      element('title', { id: 'pixelllm-title' }, escapeXml(annotation.title)),
      element('desc', { id: 'pixelllm-desc' }, escapeXml(annotation.description)),
      outlines.definitions(),
      ...drawn,
    ].join('\n'),
  )
}

function picture(file: Uint8Array, type: string, { left, top, right, bottom }: Rectangle): string {
  return element('image', {
    x: left,
    y: top,
    width: right - left,
    height: bottom - top,
    href: `data:${type};base64,${Buffer.from(file).toString('base64')}`,
  })
}

function isDot({ shape, asked }: Mark): boolean {
  return shape.type === 'point' && asked !== true
}

function isOutline(mark: Mark): boolean {
  return !isDot(mark)
}

/** A box, or the ring around a point that the caller gave; dark around a colour shows on any ground. */
function drawOutline(mark: Mark, geometry: Geometry): string {
  const { stroke, dot } = geometry
  const place = anchorOf(mark, geometry)
  const dashes = mark.asked === true ? { 'stroke-dasharray': `${3 * stroke} ${2 * stroke}` } : {}
  const round = mark.shape.type === 'point' ? { rx: 3 * dot } : {}
  const grown = mark.shape.type === 'point' ? grow(place, 2 * dot) : place
  return [
    rect(grown, { fill: 'none', stroke: INK, 'stroke-width': 2 * stroke, ...round }),
    rect(grown, { fill: 'none', stroke: mark.colour, 'stroke-width': stroke, ...round, ...dashes }),
  ].join('')
}

function grow({ left, top, right, bottom }: Rectangle, by: number): Rectangle {
  return { left: left - by, top: top - by, right: right + by, bottom: bottom + by }
}

function drawDot(mark: Mark, geometry: Geometry): string {
  const { left, top, right, bottom } = anchorOf(mark, geometry)
  const centre = { cx: (left + right) / 2, cy: (top + bottom) / 2 }
  const { dot, stroke } = geometry
  return [
    element('circle', { ...centre, r: dot + stroke / 2, fill: INK }),
    element('circle', { ...centre, r: dot, fill: PAPER }),
    element('circle', { ...centre, r: dot - stroke / 2, fill: mark.colour }),
  ].join('')
}

/** A line from a label to what it names, where they do not touch. */
function drawLeader({ place, anchor, colour }: PlacedLabel, { stroke, dot }: Geometry): string {
  const gap = shortestLine(place, anchor)
  if (lengthOf(gap) <= dot) return ''
  const shown: Line = gap
  return [
    line(shown, { stroke: INK, 'stroke-width': 2 * stroke }),
    line(shown, { stroke: colour, 'stroke-width': stroke }),
  ].join('')
}

/** White letters on a dark ground, edged with the colour of what they name. */
function drawLabel(label: PlacedLabel, { stroke }: Geometry, outlines: Outlines): string {
  const { place, colour, lines, letters, padding, height } = label
  const ground = grow(place, -stroke / 4)
  return [
    rect(ground, { fill: INK, stroke: colour, 'stroke-width': stroke / 2, rx: padding / 2 }),
    ...lines.map((text, row) =>
      outlines.text(text, place.left + padding, place.top + padding + row * height, letters, PAPER),
    ),
  ].join('')
}

/** Dark letters, underlined in the colour of what they name. */
function drawSpan(
  { text, x, width, colour }: SetSpan,
  left: number,
  top: number,
  letters: number,
  outlines: Outlines,
): string {
  const written = outlines.text(text, left + x, top, letters, INK)
  if (colour === undefined) return written
  const under = top + lineHeight(letters)
  const line = {
    left: left + x,
    top: under,
    right: left + x + width,
    bottom: under + letters * 0.15,
  }
  return written + rect(line, { fill: colour })
}
