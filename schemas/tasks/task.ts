import { z } from 'zod'
import type { Location } from '../geometry.ts'
import type { Ground } from '../grounding.ts'
import type { PictureKind } from '../picture.ts'

/** The name of a loaded model, in requests and in replies. */
export const ModelId = z
  .string()
  .min(1)
  .max(100)
  .meta({ id: 'ModelId', description: 'Name of a model, as in GET /v1/models', example: 'tiny' })
export type ModelId = z.infer<typeof ModelId>

/** The options that more than one task takes, and that the gateway itself looks at. */
export interface SharedOptions {
  /** The model to ask; absent, the default one. */
  readonly model?: string | undefined
  /** Must lie inside the image. */
  readonly location?: Location | undefined
  /** With `mask` the answer needs masks. */
  readonly ground?: Ground | undefined
  /** Whether the answer needs masks. */
  readonly masks?: boolean | undefined
}

/**
 * One capability of the server: everything about it that is not computation.
 *
 * A caller sends the `request`: the image and the `options`. The Python worker gets the validated
 * options and gives back the `output`. The gateway adds the image and the model to it: the
 * `result`, which the caller gets.
 */
export interface Task {
  readonly name: string
  /** The last part of its route, `/v1/<slug>`. */
  readonly slug: string
  readonly summary: string
  readonly description: string
  /** Whether it writes words, which can then be streamed. */
  readonly streams: boolean
  /** What its answer shows as a picture, besides the annotated image. */
  readonly picture?: PictureKind
  readonly options: z.ZodObject<z.ZodRawShape, z.core.$strict> & z.ZodType<SharedOptions>
  readonly request: z.ZodObject
  readonly output: z.ZodObject
  readonly result: z.ZodObject
}

/** The task of a model that has a part for masks. */
const MASKING_TASK = 'segment'

/** The tasks that a model must be able to do for an answer with these options. */
export function neededTasks({ name }: Task, { ground, masks }: SharedOptions): string[] {
  return ground === 'mask' || masks === true ? [name, MASKING_TASK] : [name]
}
