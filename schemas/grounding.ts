import { z } from 'zod'
import { Box, Mask } from './geometry.ts'
import { Score } from './word.ts'

export const Ground = z.enum(['box', 'mask']).meta({
  id: 'Ground',
  description: 'Adds `phrases` to the answer: every noun phrase with its box, or with a mask too',
})
export type Ground = z.infer<typeof Ground>

export const GroundedPhrase = z
  .strictObject({
    text: z.string().min(1).describe('The phrase: `caption` from `start` to `end`'),
    start: z.int().min(0).describe('Index of its first character in the caption (code points)'),
    end: z.int().min(1).describe('Index after its last character in the caption (code points)'),
    box: Box.describe('Around the corner points of its words'),
    score: Score.describe("Geometric mean of its words' scores"),
    mask: Mask.optional().describe('Its pixels; there with `ground: "mask"` and absent otherwise'),
  })
  .meta({ id: 'GroundedPhrase', description: 'A noun phrase of a caption with its place' })
export type GroundedPhrase = z.infer<typeof GroundedPhrase>
