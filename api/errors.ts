/** The only place that turns an error into `application/problem+json`. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type ErrorCode, errorEntry, type Problem, type ProblemField } from '../schemas/index.ts'
import { WorkerError } from '../worker-bridge/index.ts'
import { codeOf } from './error-code.ts'

export const PROBLEM_TYPE = 'application/problem+json'
/** A caller that may come back is asked to wait this long. */
const RETRY_AFTER_S = 1

export interface ApiErrorOptions extends ErrorOptions {
  readonly errors?: readonly ProblemField[]
}

/** A request that the gateway refuses. The message is one sentence for the caller. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly code: ErrorCode
  readonly errors: readonly ProblemField[] | undefined

  constructor(code: ErrorCode, message: string, options: ApiErrorOptions = {}) {
    super(message, options)
    this.code = code
    this.errors = options.errors
  }
}

interface FrameworkError {
  readonly code: ErrorCode
  /** Said in place of the framework's own message. */
  readonly detail?: string
}

/** What Fastify and its multipart plugin throw, by their codes. */
const frameworkErrors = new Map<string | undefined, FrameworkError>([
  ['FST_ERR_BAD_URL', { code: 'invalid_request' }],
  ['FST_ERR_CTP_BODY_TOO_LARGE', { code: 'body_too_large' }],
  ['FST_ERR_CTP_EMPTY_JSON_BODY', { code: 'invalid_request' }],
  ['FST_ERR_CTP_INVALID_CONTENT_LENGTH', { code: 'invalid_request' }],
  ['FST_ERR_CTP_INVALID_JSON_BODY', { code: 'invalid_request' }],
  ['FST_ERR_CTP_INVALID_MEDIA_TYPE', { code: 'body_unsupported' }],
  ['FST_FIELDS_LIMIT', { code: 'body_too_large', detail: 'the form has too many fields' }],
  ['FST_FILES_LIMIT', { code: 'body_too_large', detail: 'the form has too many files' }],
  ['FST_INVALID_JSON_FIELD_ERROR', { code: 'invalid_request' }],
  ['FST_MP_PREMATURE_CLOSE', { code: 'cancelled' }],
  ['FST_PARTS_LIMIT', { code: 'body_too_large', detail: 'the form has too many parts' }],
  ['FST_PROTO_VIOLATION', { code: 'invalid_request' }],
  [
    'FST_REQ_FILE_TOO_LARGE',
    { code: 'image_too_large', detail: 'the image has more bytes than the server takes' },
  ],
])

/** Busboy throws plain errors about broken forms. */
const BROKEN_FORM =
  /^(Multipart: |Unexpected end of |Malformed |Unsupported content type|Missing Content-Type|Part terminated early)/

/** What went wrong, in the words of the error table. */
export function problemOf(error: unknown, requestId?: string): Problem {
  const { code, detail, errors } = classify(error)
  const { status, title } = errorEntry(code)
  return {
    type: 'about:blank',
    title,
    status,
    code,
    ...(detail && { detail }),
    ...(requestId && { instance: requestId }),
    ...(errors && { errors: [...errors] }),
  }
}

function classify(error: unknown): {
  code: ErrorCode
  detail?: string
  errors?: readonly ProblemField[] | undefined
} {
  if (error instanceof ApiError) {
    return { code: error.code, detail: error.message, errors: error.errors }
  }
  if (error instanceof WorkerError && error.code !== 'internal') {
    return { code: error.code, detail: error.message }
  }
  if (error instanceof Error) {
    const known = frameworkErrors.get(codeOf(error))
    if (known !== undefined) return { detail: error.message, ...known }
    if (BROKEN_FORM.test(error.message)) {
      return { code: 'invalid_request', detail: `the form is broken: ${error.message}` }
    }
  }
  return { code: 'internal' }
}

/** Answers with a problem, and logs the error behind it where the server is to blame. */
export function sendProblem(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const problem = problemOf(error, request.id)
  noteProblem(error, problem, request)
  if (problem.status === 503 && errorEntry(problem.code).retry) {
    reply.header('retry-after', RETRY_AFTER_S)
  }
  // What is still to come is not worth reading.
  if (hasMoreToCome(request)) reply.header('connection', 'close')
  return reply.code(problem.status).type(PROBLEM_TYPE).send(JSON.stringify(problem))
}

function hasMoreToCome({ raw, headers }: FastifyRequest): boolean {
  const hasBody = (headers['content-length'] ?? headers['transfer-encoding']) !== undefined
  return hasBody && raw.complete === false
}

/** Notes a problem for the log and for the metrics. */
export function noteProblem(error: unknown, problem: Problem, request: FastifyRequest): void {
  request.problem = problem.code
  const { log } = request
  if (problem.code === 'internal') log.error({ err: error }, 'the request failed')
  else log.debug({ refusal: error }, problem.title)
}
