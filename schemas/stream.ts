/** What a client reads from a reply of type `text/event-stream`, by the name of the event. */
import { z } from 'zod'
import { Problem } from './error.ts'
import { CaptionResult, DescribeResult } from './tasks/index.ts'
import { Word } from './word.ts'

export const StreamedWord = z
  .strictObject({ index: z.int().min(0).describe('Its place in `words`'), word: Word })
  .meta({ id: 'StreamedWord', description: 'Data of the event `word`' })
export type StreamedWord = z.infer<typeof StreamedWord>

export const StreamedResult = z
  .strictObject({ result: z.union([CaptionResult, DescribeResult]) })
  .meta({ id: 'StreamedResult', description: 'Data of the event `done`, the last one' })
export type StreamedResult = z.infer<typeof StreamedResult>

export const StreamedProblem = z
  .strictObject({ problem: Problem })
  .meta({ id: 'StreamedProblem', description: 'Data of the event `error`, then the last one' })
export type StreamedProblem = z.infer<typeof StreamedProblem>
