import { ApiError, ConnectionError, TimeoutError, UnexpectedReplyError } from '@pixelllm/sdk'
import { NoModelError } from './backend.ts'
import { LabelConfigError } from './label-config.ts'
import { PayloadError } from './payloads.ts'

/** A reply that is none of success. */
export class HttpError extends Error {
  override readonly name = 'HttpError'
  readonly status: number

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.status = status
  }
}

/** How a failure is told to Label Studio. */
export function toHttpError(error: unknown): HttpError {
  if (error instanceof HttpError) return error
  if (error instanceof PayloadError) return new HttpError(400, error.message)
  if (error instanceof LabelConfigError) return new HttpError(422, error.message)
  if (error instanceof NoModelError || error instanceof ApiError) {
    return new HttpError(503, `PixelLLM Server cannot answer: ${error.message}`, { cause: error })
  }
  if (
    error instanceof ConnectionError ||
    error instanceof TimeoutError ||
    error instanceof UnexpectedReplyError
  ) {
    return new HttpError(503, `PixelLLM Server is away: ${error.message}`, { cause: error })
  }
  return new HttpError(500, 'internal error', { cause: error })
}
