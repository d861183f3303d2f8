/** Lists that come a page at a time. */
import { z } from 'zod'

export const PageQuery = z.strictObject({
  after: z
    .string()
    .min(1)
    .max(100)
    .optional()
    .describe('The id of the last entry that is already known; absent, the page is the first'),
  limit: z.coerce.number().int().min(1).max(100).default(20).describe('Entries of a page at most'),
})

/** Pages of numbered entries, in order. */
export const NumberedPageQuery = z.strictObject({
  after: z.coerce
    .number()
    .int()
    .min(0)
    .default(0)
    .describe('The number of the last entry that is already known'),
  limit: z.coerce.number().int().min(1).max(1000).default(100).describe('Entries at most'),
})

/** What every page says besides its entries. */
export const has_more = z.boolean().describe('Whether there are entries behind the last one')
