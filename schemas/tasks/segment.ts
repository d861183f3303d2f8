import { z } from 'zod'
import { Box, Mask } from '../geometry.ts'
import { ImageInfo, ImageInput } from '../image.ts'
import { Score } from '../word.ts'
import { Phrase } from './locate.ts'
import { ModelId, type Task } from './task.ts'

const segmentOptions = { phrase: Phrase, model: ModelId.optional() }
const segmentOutput = {
  phrase: Phrase,
  box: Box,
  mask: Mask.describe('The pixels of the object; none is set where the model finds none'),
  score: Score.describe('Confidence in the box'),
  mask_score: Score.describe('How well the mask fits what the box shows: its predicted IoU'),
}

export const SegmentOptions = z.strictObject(segmentOptions).meta({ id: 'SegmentOptions' })
export type SegmentOptions = z.infer<typeof SegmentOptions>

export const SegmentRequest = z
  .strictObject({ image: ImageInput, ...segmentOptions })
  .meta({ id: 'SegmentRequest' })

export const SegmentOutput = z.strictObject(segmentOutput).meta({ id: 'SegmentOutput' })
export type SegmentOutput = z.infer<typeof SegmentOutput>

export const SegmentResult = z
  .strictObject({ ...segmentOutput, image: ImageInfo, model: ModelId })
  .meta({ id: 'SegmentResult' })
export type SegmentResult = z.infer<typeof SegmentResult>

export const segment = {
  name: 'segment',
  slug: 'segment',
  summary: 'Segment an object',
  description: 'Finds the box and the pixels of the object that a phrase refers to.',
  streams: false,
  picture: 'mask',
  options: SegmentOptions,
  request: SegmentRequest,
  output: SegmentOutput,
  result: SegmentResult,
} as const satisfies Task
