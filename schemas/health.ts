import { z } from 'zod'

export const Health = z
  .strictObject({ status: z.literal('ok') })
  .meta({ id: 'Health', description: 'The answer of a server that is alive or ready' })
export type Health = z.infer<typeof Health>
