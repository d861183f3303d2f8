import { z } from 'zod'
import { Ground, GroundedPhrase } from '../grounding.ts'
import { ImageInfo, ImageInput } from '../image.ts'
import { Score, Word } from '../word.ts'
import { ModelId, type Task } from './task.ts'

/** Options of every task that writes a caption. */
export const writingOptions = {
  prefix: z
    .string()
    .max(200)
    .optional()
    .describe("Text that the model reads before it writes; absent, the model's own"),
  max_tokens: z
    .int()
    .min(1)
    .max(256)
    .optional()
    .describe("Tokens to write at most; absent, the model's own limit"),
  beams: z
    .int()
    .min(1)
    .max(8)
    .default(1)
    .describe('Captions to follow at once in beam search; 1 takes the best token at every step'),
  ground: Ground.optional(),
  model: ModelId.optional(),
}

/** What every task that writes a caption gives back. */
export const writtenOutput = {
  caption: z.string().describe('The sentence that the model wrote'),
  words: z.array(Word).describe('Its words in order, each with its place in the image'),
  score: Score,
  phrases: z
    .array(GroundedPhrase)
    .optional()
    .describe('Its noun phrases in order; there with `ground` and absent otherwise'),
}

export const CaptionOptions = z.strictObject(writingOptions).meta({ id: 'CaptionOptions' })
export type CaptionOptions = z.infer<typeof CaptionOptions>

export const CaptionRequest = z
  .strictObject({ image: ImageInput, ...writingOptions })
  .meta({ id: 'CaptionRequest' })

export const CaptionOutput = z.strictObject(writtenOutput).meta({ id: 'CaptionOutput' })
export type CaptionOutput = z.infer<typeof CaptionOutput>

export const CaptionResult = z
  .strictObject({ ...writtenOutput, image: ImageInfo, model: ModelId })
  .meta({ id: 'CaptionResult' })
export type CaptionResult = z.infer<typeof CaptionResult>

export const caption = {
  name: 'caption',
  slug: 'caption',
  summary: 'Caption an image',
  description: 'Writes a sentence about the whole image and gives every word its place in it.',
  streams: true,
  options: CaptionOptions,
  request: CaptionRequest,
  output: CaptionOutput,
  result: CaptionResult,
} as const satisfies Task
