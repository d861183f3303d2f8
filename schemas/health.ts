import { z } from 'zod'

export const Health = z.strictObject({ status: z.literal('ok') }).meta({ id: 'Health' })
export type Health = z.infer<typeof Health>

/** The two below have the form that KServe's Open Inference Protocol asks for. */
export const Live = z.strictObject({ live: z.literal(true) }).meta({ id: 'Live' })
export type Live = z.infer<typeof Live>

export const Ready = z.strictObject({ ready: z.literal(true) }).meta({ id: 'Ready' })
export type Ready = z.infer<typeof Ready>
