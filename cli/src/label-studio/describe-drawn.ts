import { randomUUID } from 'node:crypto'
import type {
  Box,
  DescribeResult,
  GroundedPhrase,
  LabelStudioPrediction,
  Location,
} from '@pixelllm/sdk'
import type { Control, LabelConfig } from './label-config.ts'
import { type Mark, noteOf, shapeOf, textOf } from './marks.ts'
import type { Drawn } from './payloads.ts'
import type { Picture } from './picture.ts'
import { predictionOf } from './prediction.ts'

/**
 * What an annotator has drawn, described: its mask where there is a brush, else the shape itself, and
 * the sentence about it, in the tag for shapes where there is one.
 */
export async function describeDrawn(
  picture: Picture,
  { image, controls }: LabelConfig,
  drawn: Drawn,
  model: string,
): Promise<LabelStudioPrediction> {
  const location = locationOf(drawn)
  const brush = controls.find(({ marks }) => marks === 'mask')
  const answer = await (brush ? picture.describeWithMasks(location) : picture.describe(location))
  const control = brush ?? controls.find(({ marks }) => marks === shapeNeeded(location))
  const mark = control && markOf(control, answer, location, drawn)
  // Shapes of earlier drawings are still there, so no id comes twice.
  const shape = mark && shapeOf(mark, randomUUID(), image.name)
  const note = { text: answer.caption, score: answer.score, image: answer.image }
  const texts = controls.filter(({ marks }) => marks === 'text')
  const perRegion = texts.filter((text) => text.perRegion)
  const result = [
    ...(shape ? [shape, ...perRegion.map((text) => noteOf(shape, text, note))] : []),
    ...(perRegion.length > 0 ? [] : texts.map((text) => textOf(text, image.name, note))),
  ]
  return predictionOf(model, result)
}

function shapeNeeded({ type }: Location): Control['marks'] {
  return type
}

function locationOf({ x, y, width, height }: Drawn): Location {
  if (width === 0 || height === 0) return { type: 'point', point: [x, y] }
  return { type: 'box', box: [x, y, x + width, y + height] }
}

function markOf(
  control: Control,
  { caption, score, image, phrases = [] }: DescribeResult,
  location: Location,
  drawn: Drawn,
): Mark | undefined {
  const label = labelFor(control, drawn)
  const common = { control, label, image, score, text: caption, described: true }
  if (control.marks !== 'mask') return { ...common, ...placeOf(location) }
  const found = phrases
    .filter(({ mask }) => mask !== undefined)
    .map((phrase) => ({ phrase, fit: fitOf(phrase.box, location) }))
    .filter(({ fit }) => fit > 0)
    .sort((one, other) => other.fit - one.fit)[0]?.phrase
  return found && { ...common, ...placeOf({ type: 'box', box: found.box }), ...maskOf(found) }
}

/** That of the shape where the tag has it too. */
function labelFor({ labels }: Control, drawn: Drawn): string | undefined {
  const values = labels.map(({ value }) => value)
  return values.find((value) => value === drawn.label) ?? values[0]
}

function maskOf({ mask, score }: GroundedPhrase): Pick<Mark, 'mask' | 'score'> {
  return { mask, score }
}

function placeOf(location: Location): Pick<Mark, 'box' | 'point'> {
  if (location.type === 'point') {
    const [x, y] = location.point
    return { point: [x, y], box: [x, y, x, y] }
  }
  const [xMin, yMin, xMax, yMax] = location.box
  return { box: [xMin, yMin, xMax, yMax], point: [(xMin + xMax) / 2, (yMin + yMax) / 2] }
}

/** How well the box of a phrase fits what was drawn: over a point the smallest, else the IoU. */
function fitOf(box: Box, location: Location): number {
  const drawn = placeOf(location).box
  const width = Math.min(box[2], drawn[2]) - Math.max(box[0], drawn[0])
  const height = Math.min(box[3], drawn[3]) - Math.max(box[1], drawn[1])
  if (width < 0 || height < 0) return 0
  if (location.type === 'point') return 1 / (1 + areaOf(box))
  const shared = width * height
  return shared / (areaOf(box) + areaOf(drawn) - shared)
}

function areaOf([xMin, yMin, xMax, yMax]: Box): number {
  return (xMax - xMin) * (yMax - yMin)
}
