import { z } from 'zod'
import { Location } from '../geometry.ts'
import { ImageInfo, ImageInput } from '../image.ts'
import { writingOptions, writtenOutput } from './caption.ts'
import { ModelId, type Task } from './task.ts'

const describeOptions = { location: Location, ...writingOptions }

export const DescribeOptions = z.strictObject(describeOptions).meta({ id: 'DescribeOptions' })
export type DescribeOptions = z.infer<typeof DescribeOptions>

export const DescribeRequest = z
  .strictObject({ image: ImageInput, ...describeOptions })
  .meta({ id: 'DescribeRequest' })

export const DescribeOutput = z.strictObject(writtenOutput).meta({ id: 'DescribeOutput' })
export type DescribeOutput = z.infer<typeof DescribeOutput>

export const DescribeResult = z
  .strictObject({ ...writtenOutput, image: ImageInfo, model: ModelId })
  .meta({ id: 'DescribeResult' })
export type DescribeResult = z.infer<typeof DescribeResult>

export const describe = {
  name: 'describe',
  slug: 'describe',
  summary: 'Describe a place in an image',
  description:
    'Writes a sentence about what lies inside a box or under a point and gives every word its place.',
  streams: true,
  options: DescribeOptions,
  request: DescribeRequest,
  output: DescribeOutput,
  result: DescribeResult,
} as const satisfies Task
