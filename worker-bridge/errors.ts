import type { ErrorCode } from '../schemas/index.ts'

/** A call that ended without an answer. The message is one sentence for the caller. */
export class WorkerError extends Error {
  override readonly name = 'WorkerError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
