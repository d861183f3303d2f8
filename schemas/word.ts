import { z } from 'zod'
import { Box, Point } from './geometry.ts'

export const Score = z.number().min(0).max(1).meta({
  id: 'Score',
  description: 'Confidence from 0 to 1, higher is better',
})

export const Word = z
  .strictObject({
    text: z.string().min(1).describe('The word, without the punctuation around it'),
    start: z.int().min(0).describe('Index of its first character in the caption (code points)'),
    end: z.int().min(1).describe('Index after its last character in the caption (code points)'),
    point: Point.describe('The place of the word: the centre of its box'),
    box: Box,
    score: Score,
  })
  .meta({ id: 'Word', description: 'One word of a caption with its place in the image' })
export type Word = z.infer<typeof Word>
