import { errors } from './errors.ts'
import type { ErrorCode, Problem } from './schema.ts'

/** The server refused a request or could not answer it; `problem` is what it said. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly problem: Problem
  /** How long the server asks to wait before the next try; undefined where it does not say. */
  readonly retryAfterMs: number | undefined

  constructor(problem: Problem, retryAfterMs?: number) {
    super(problem.detail ?? problem.title)
    this.problem = problem
    this.retryAfterMs = retryAfterMs
  }

  /** Stable name of the error, for programs to compare with. */
  get code(): ErrorCode {
    return this.problem.code
  }

  /** HTTP status. */
  get status(): number {
    return this.problem.status
  }

  /** Whether the same request can succeed when it is sent again a little later. */
  get retry(): boolean {
    // A newer server may have codes that this table has not.
    return errors[this.code]?.retry ?? false
  }

  /** The id by which the server's log knows the request. */
  get requestId(): string | undefined {
    return this.problem.instance
  }
}
