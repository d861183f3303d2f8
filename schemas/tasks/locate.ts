import { z } from 'zod'
import { Box } from '../geometry.ts'
import { ImageInfo, ImageInput } from '../image.ts'
import { Score } from '../word.ts'
import { ModelId, type Task } from './task.ts'

export const Phrase = z.string().max(200).regex(/\S/, { error: 'the phrase is blank' }).meta({
  id: 'Phrase',
  description: 'Words that refer to one object in the image',
  example: 'the large red car',
})

const locateOptions = { phrase: Phrase, model: ModelId.optional() }
const locateOutput = { phrase: Phrase, box: Box, score: Score }

export const LocateOptions = z.strictObject(locateOptions).meta({ id: 'LocateOptions' })
export type LocateOptions = z.infer<typeof LocateOptions>

export const LocateRequest = z
  .strictObject({ image: ImageInput, ...locateOptions })
  .meta({ id: 'LocateRequest' })

export const LocateOutput = z.strictObject(locateOutput).meta({ id: 'LocateOutput' })
export type LocateOutput = z.infer<typeof LocateOutput>

export const LocateResult = z
  .strictObject({ ...locateOutput, image: ImageInfo, model: ModelId })
  .meta({ id: 'LocateResult' })
export type LocateResult = z.infer<typeof LocateResult>

export const locate = {
  name: 'locate',
  slug: 'locate',
  summary: 'Locate an object',
  description: 'Finds the box of the object that a phrase refers to.',
  streams: false,
  options: LocateOptions,
  request: LocateRequest,
  output: LocateOutput,
  result: LocateResult,
} as const satisfies Task
