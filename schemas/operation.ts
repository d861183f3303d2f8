import type { z } from 'zod'
import type { ErrorCode } from './error.ts'

/** What replies can be, the usual first. */
export const MEDIA_TYPES = [
  'application/json',
  'text/event-stream',
  'image/png',
  'image/svg+xml',
  'application/x-tar',
  'text/plain',
  'text/html',
] as const
export type MediaType = (typeof MEDIA_TYPES)[number]

/** What a caller must be allowed to do: ask models, train them, or change what is served. */
export type Scope = 'infer' | 'train' | 'admin'

/** One route of the API: the server mounts it, `document.ts` prints it. */
export interface Operation {
  /** Name of the operation in OpenAPI and so in generated clients. */
  readonly id: string
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** With parameters in braces, as OpenAPI writes them. */
  readonly path: string
  readonly tag: 'tasks' | 'images' | 'datasets' | 'training' | 'models' | 'health' | 'contract'
  /** Null where everybody may. */
  readonly scope: Scope | null
  readonly summary: string
  readonly description?: string
  readonly params?: z.ZodObject
  readonly query?: z.ZodObject
  /** The headers that it looks at, in lower case. */
  readonly headers?: z.ZodObject
  readonly body?: RequestBody
  /** Status of a reply that is not an error. */
  readonly status: 200 | 201 | 204
  /** The reply as JSON. Absent when it has no body, or none in JSON. */
  readonly result?: z.ZodType
  /** What the reply can be in place of JSON, for callers who ask with `Accept`. */
  readonly alternatives?: Readonly<Partial<Record<MediaType, z.ZodType>>>
  readonly errors: readonly ErrorCode[]
}

/** A body: as JSON, as a form with a file part, or either. */
export interface RequestBody {
  readonly json?: z.ZodObject
  readonly form?: z.ZodObject
  /** Whether there has to be one; true where it is not said. */
  readonly required?: boolean
}

/** The media types that the reply of an operation can have, the usual first. */
export function mediaTypesOf({ result, alternatives = {} }: Operation): MediaType[] {
  return MEDIA_TYPES.filter((type) =>
    type === 'application/json' ? result !== undefined : type in alternatives,
  )
}
