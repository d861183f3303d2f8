/**
 * What `python -m pixelllm.data check --json` writes: one of these a line, the last of them `end`.
 * The check runs in a process of its own, since it decodes images of strangers.
 */
import { z } from 'zod'
import { DatasetCounts, DatasetError, DatasetSample } from './datasets.ts'

export const CheckedError = z
  .strictObject({ type: z.literal('error'), error: DatasetError })
  .meta({ id: 'CheckedError', description: 'A fault; there can be more than are written' })

export const CheckedSample = z
  .strictObject({ type: z.literal('sample'), sample: DatasetSample })
  .meta({ id: 'CheckedSample' })

export const CheckEnd = z
  .strictObject({
    type: z.literal('end'),
    counts: DatasetCounts,
    error_count: z.int().min(0).describe('Faults, those that are not written included'),
  })
  .meta({ id: 'CheckEnd', description: 'All of it was checked' })
export type CheckEnd = z.infer<typeof CheckEnd>

export const CheckLine = z
  .discriminatedUnion('type', [CheckedError, CheckedSample, CheckEnd])
  .meta({ id: 'CheckLine', description: 'What checking a dataset found' })
export type CheckLine = z.infer<typeof CheckLine>
