import type { z } from 'zod'
import type { ErrorCode } from './error.ts'

/** One route of the API: the server mounts it, `document.ts` prints it. */
export interface Operation {
  /** Name of the operation in OpenAPI and so in generated clients. */
  readonly id: string
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** With parameters in braces, as OpenAPI writes them. */
  readonly path: string
  readonly tag: 'tasks' | 'images' | 'models' | 'health' | 'contract'
  readonly summary: string
  readonly description?: string
  readonly params?: z.ZodObject
  readonly body?: RequestBody
  /** Status of a reply that is not an error. */
  readonly status: 200 | 201 | 204
  /** Absent when the reply has no body. */
  readonly result?: z.ZodType
  /** Whether the reply can come as server-sent events. */
  readonly streams?: boolean
  readonly errors: readonly ErrorCode[]
}

/** A body with an image: as JSON, or as a form with the image in a file part. */
export interface RequestBody {
  readonly json: z.ZodObject
  readonly form: z.ZodObject
}
