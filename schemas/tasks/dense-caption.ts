import { z } from 'zod'
import { Box, Mask } from '../geometry.ts'
import { ImageInfo, ImageInput } from '../image.ts'
import { Score, Word } from '../word.ts'
import { ModelId, type Task } from './task.ts'

export const Region = z
  .strictObject({
    box: Box,
    caption: z.string().describe('The sentence that the model wrote about it'),
    score: Score,
    words: z
      .array(Word)
      .optional()
      .describe('Words of the caption in order; there with `words: true` and absent otherwise'),
    mask: Mask.optional().describe('Its pixels; there with `masks: true` and absent otherwise'),
  })
  .meta({ id: 'Region', description: 'One described part of an image' })
export type Region = z.infer<typeof Region>

const denseCaptionOptions = {
  max_regions: z.int().min(1).max(100).default(32).describe('Regions to give at most'),
  min_score: z
    .number()
    .min(0)
    .max(1)
    .default(0.3)
    .describe('Regions of which the model is less sure are left out'),
  nms_iou: z
    .number()
    .gt(0)
    .max(1)
    .default(0.5)
    .describe('Of two regions that overlap by this IoU or more, the better one is given'),
  words: z.boolean().default(false).describe('Whether every word of a caption gets its place'),
  masks: z.boolean().default(false).describe('Whether every region gets a mask'),
  model: ModelId.optional(),
}
const denseCaptionOutput = {
  regions: z.array(Region).max(100).describe('What there is in the image, the best one first'),
}

export const DenseCaptionOptions = z
  .strictObject(denseCaptionOptions)
  .meta({ id: 'DenseCaptionOptions' })
export type DenseCaptionOptions = z.infer<typeof DenseCaptionOptions>

export const DenseCaptionRequest = z
  .strictObject({ image: ImageInput, ...denseCaptionOptions })
  .meta({ id: 'DenseCaptionRequest' })

export const DenseCaptionOutput = z
  .strictObject(denseCaptionOutput)
  .meta({ id: 'DenseCaptionOutput' })
export type DenseCaptionOutput = z.infer<typeof DenseCaptionOutput>

export const DenseCaptionResult = z
  .strictObject({ ...denseCaptionOutput, image: ImageInfo, model: ModelId })
  .meta({ id: 'DenseCaptionResult' })
export type DenseCaptionResult = z.infer<typeof DenseCaptionResult>

export const denseCaption = {
  name: 'dense_caption',
  slug: 'dense-caption',
  summary: 'Find and caption the regions of an image',
  description: 'Finds what there is in the image and writes a sentence about each of it.',
  streams: false,
  options: DenseCaptionOptions,
  request: DenseCaptionRequest,
  output: DenseCaptionOutput,
  result: DenseCaptionResult,
} as const satisfies Task
