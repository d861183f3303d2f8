/** The replies of type `text/event-stream`: what a client reads, by the name of the event. */
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

/** The body as a whole: the schema of the media type has no way to say what its events carry. */
export const EventStreamBody = z.string().meta({
  description:
    'Server-sent events: `word` (StreamedWord) for every word, then `done` (StreamedResult) or `error` (StreamedProblem). Comments keep the connection alive.',
})

/** The body of a live list of training events. */
export const TrainingEventStreamBody = z.string().meta({
  description:
    'Server-sent events named by the type of a TrainingEvent, with its id and with itself as data. The stream ends when the job has ended. Comments keep the connection alive.',
})
