import { z } from 'zod'

/**
 * Every error of the project, once. The gateway's problem+json, the bridge's `WorkerError`, the
 * SDK's `ApiError` and the Python worker's `TaskError` all take their codes from here.
 *
 * `status` is the HTTP status of the reply. `retry` says whether the same request, sent again a
 * little later, can succeed: then a 503 carries `Retry-After`.
 */
const table = [
  { code: 'invalid_request', status: 400, title: 'The request is not valid', retry: false },
  { code: 'not_found', status: 404, title: 'There is nothing at this address', retry: false },
  { code: 'image_not_found', status: 404, title: 'The image is not stored here', retry: false },
  { code: 'model_not_found', status: 404, title: 'There is no such model here', retry: false },
  { code: 'dataset_not_found', status: 404, title: 'There is no such dataset here', retry: false },
  { code: 'job_not_found', status: 404, title: 'There is no such training job', retry: false },
  { code: 'checkpoint_not_found', status: 404, title: 'There is no such checkpoint', retry: false },
  { code: 'method_not_allowed', status: 405, title: 'The method is not allowed', retry: false },
  { code: 'not_acceptable', status: 406, title: 'The reply has no such form', retry: false },
  { code: 'request_timeout', status: 408, title: 'The request came too slowly', retry: true },
  { code: 'job_conflict', status: 409, title: 'The job is in another state', retry: false },
  { code: 'model_inactive', status: 409, title: 'The model is not active', retry: false },
  { code: 'in_use', status: 409, title: 'Something still uses this', retry: false },
  {
    code: 'idempotency_conflict',
    status: 409,
    title: 'The key was used for another request',
    retry: false,
  },
  { code: 'archive_too_large', status: 413, title: 'The archive is too large', retry: false },
  { code: 'image_too_large', status: 413, title: 'The image is too large', retry: false },
  { code: 'body_too_large', status: 413, title: 'The request body is too large', retry: false },
  { code: 'image_unsupported', status: 415, title: 'The image format is not taken', retry: false },
  { code: 'body_unsupported', status: 415, title: 'The body format is not taken', retry: false },
  { code: 'archive_unreadable', status: 422, title: 'The archive cannot be read', retry: false },
  {
    code: 'archive_unsafe',
    status: 422,
    title: 'The archive holds what is not taken',
    retry: false,
  },
  { code: 'dataset_invalid', status: 422, title: 'The dataset has errors', retry: false },
  {
    code: 'training_diverged',
    status: 422,
    title: 'The training found no finite loss',
    retry: false,
  },
  { code: 'image_unreadable', status: 422, title: 'The image cannot be read', retry: false },
  { code: 'image_too_small', status: 422, title: 'The image is too small', retry: false },
  { code: 'task_unsupported', status: 422, title: 'The model has no part for this', retry: false },
  { code: 'headers_too_large', status: 431, title: 'The headers are too large', retry: false },
  { code: 'cancelled', status: 499, title: 'The caller hung up', retry: false },
  { code: 'internal', status: 500, title: 'Something failed inside the server', retry: false },
  { code: 'queue_full', status: 503, title: 'The queue is full', retry: true },
  { code: 'worker_crashed', status: 503, title: 'The worker stopped during the call', retry: true },
  { code: 'out_of_memory', status: 503, title: 'The worker has no memory left', retry: true },
  { code: 'worker_unavailable', status: 503, title: 'No worker is ready', retry: true },
  { code: 'model_unavailable', status: 503, title: 'The model cannot be loaded', retry: false },
  { code: 'queue_unavailable', status: 503, title: 'The job queue is away', retry: true },
  { code: 'shutting_down', status: 503, title: 'The server is shutting down', retry: true },
  { code: 'deadline_exceeded', status: 504, title: 'The answer took too long', retry: true },
  {
    code: 'storage_full',
    status: 507,
    title: 'The server has no room for this',
    retry: false,
  },
] as const

export const ErrorCode = z.enum(table.map(({ code }) => code)).meta({
  id: 'ErrorCode',
  description: 'Stable name of an error, for programs to compare with',
})
export type ErrorCode = z.infer<typeof ErrorCode>

export interface ErrorEntry {
  /** HTTP status. */
  readonly status: number
  /** What went wrong in general, the same for every request. */
  readonly title: string
  /** Whether the same request can succeed when it is sent again a little later. */
  readonly retry: boolean
}

const entries = new Map<string, ErrorEntry>(table.map(({ code, ...entry }) => [code, entry]))

/** Looks up what the table says about `code`. */
export function errorEntry(code: ErrorCode): ErrorEntry {
  const entry = entries.get(code)
  if (entry === undefined) throw new TypeError(`the error table has no "${code}"`)
  return entry
}

/** A failure as it crosses from Python to Node. */
export const Failure = z
  .strictObject({
    code: ErrorCode,
    message: z.string().describe('One sentence for the caller: what is wrong and what to do'),
  })
  .meta({ id: 'Failure' })
export type Failure = z.infer<typeof Failure>

export const ProblemField = z
  .strictObject({
    pointer: z.string().describe('JSON pointer to the field, for example /location/box'),
    message: z.string().describe('What is wrong with it'),
  })
  .meta({ id: 'ProblemField' })
export type ProblemField = z.infer<typeof ProblemField>

export const Problem = z
  .strictObject({
    type: z.string().describe('Always about:blank; `code` tells problems apart'),
    title: z.string().describe('What went wrong in general'),
    status: z.int().min(400).max(599).describe('HTTP status'),
    code: ErrorCode,
    detail: z.string().optional().describe('What went wrong with this request'),
    instance: z.string().optional().describe('Id of the request, as in X-Request-Id'),
    errors: z.array(ProblemField).optional().describe('The fields that are not valid'),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details' })
export type Problem = z.infer<typeof Problem>
