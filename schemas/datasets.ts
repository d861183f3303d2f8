import { z } from 'zod'
import { has_more } from './page.ts'

export const DatasetId = z
  .string()
  .regex(/^ds_[0-9a-f]{32}$/, { error: 'it must look like ds_ and 32 hexadecimal digits' })
  .meta({
    id: 'DatasetId',
    description: 'Name of a dataset: made of its files, so the same files have the same name',
    example: 'ds_5f2b6a0c1d3e4f5061728394a5b6c7d8',
  })
export type DatasetId = z.infer<typeof DatasetId>

export const DatasetStatus = z.enum(['validating', 'ready', 'invalid']).meta({
  id: 'DatasetStatus',
  description: 'Whether it can be trained on: `invalid` has errors, and a job on it is refused',
})
export type DatasetStatus = z.infer<typeof DatasetStatus>

const count = z.int().min(0)

export const DatasetCounts = z
  .strictObject({
    images: count,
    captions: count.describe('Of whole images'),
    placed_captions: count.describe('Captions whose words have places'),
    phrases: count.describe('Referring phrases with their boxes'),
    masks: count.describe('Phrases that also have a mask'),
    regions: count.describe('Boxes with a caption'),
  })
  .meta({ id: 'DatasetCounts', description: 'How much of what it has' })
export type DatasetCounts = z.infer<typeof DatasetCounts>

export const DatasetError = z
  .strictObject({
    file: z.string().describe('Where it is, inside the dataset'),
    line: z.int().min(1).nullable().describe('Line of that file, from 1; null for the whole file'),
    message: z.string().describe('What is wrong and what to do'),
  })
  .meta({ id: 'DatasetError' })
export type DatasetError = z.infer<typeof DatasetError>

export const DatasetSample = z
  .strictObject({
    image: z.string().describe('The file of the image'),
    width: z.int().min(1),
    height: z.int().min(1),
    captions: z.array(z.string()),
    phrases: z.array(z.string()),
    regions: z.array(z.string()),
  })
  .meta({ id: 'DatasetSample', description: 'What is said about one of the images' })
export type DatasetSample = z.infer<typeof DatasetSample>

export const Dataset = z
  .strictObject({
    id: DatasetId,
    name: z.string().nullable().describe('What it was called by whoever sent it'),
    status: DatasetStatus,
    root: z.string().nullable().describe('The registered root that it is; null when it was sent'),
    bytes: count.describe('Of its files'),
    created_at: z.iso.datetime(),
    counts: DatasetCounts.nullable().describe('Null until it is validated'),
    error_count: count.describe('Faults found so far'),
  })
  .meta({ id: 'Dataset', description: 'Images and what is said about them; it never changes' })
export type Dataset = z.infer<typeof Dataset>

export const DatasetDetails = z
  .strictObject({
    ...Dataset.shape,
    samples: z.array(DatasetSample).describe('The first few'),
    errors: z
      .array(DatasetError)
      .describe('The faults that validation found, the first 10000; `error_count` has them all'),
  })
  .meta({ id: 'DatasetDetails' })
export type DatasetDetails = z.infer<typeof DatasetDetails>

export const DatasetList = z
  .strictObject({ datasets: z.array(Dataset).describe('The newest first'), has_more })
  .meta({ id: 'DatasetList' })
export type DatasetList = z.infer<typeof DatasetList>

export const DatasetName = z
  .string()
  .min(1)
  .max(100)
  .describe('What to call it, for people; it need not be new')

/** A dataset that lies on the server already. */
export const RegisterDatasetRequest = z
  .strictObject({
    root: z.string().min(1).max(100).describe('The id that the operator gave the folder'),
    name: DatasetName.optional(),
  })
  .meta({ id: 'RegisterDatasetRequest' })

export const DatasetParams = z.strictObject({ id: DatasetId })
