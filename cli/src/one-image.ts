import { ApiError } from '@pixelllm/sdk'

/** Whether others can still be asked about after this failure. */
export function concernsOneImage(error: unknown): error is ApiError {
  if (!(error instanceof ApiError)) return false
  // After an `internal` or a crash the server goes on; what can be tried again was.
  return error.code.startsWith('image_') || error.status === 413 || error.status >= 500
}
