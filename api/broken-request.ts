import type { Socket } from 'node:net'
import type { ErrorCode } from '../schemas/index.ts'
import { codeOf } from './error-code.ts'
import { ApiError, PROBLEM_TYPE, problemOf } from './errors.ts'

/** Answers bytes that are no HTTP request: there is nothing to reply to but the socket itself. */
export function answerBrokenRequest(error: Error, socket: Socket): void {
  if (!socket.writable || codeOf(error) === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const problem = problemOf(new ApiError(problemCode(error), 'this is not a whole HTTP request'))
  const body = JSON.stringify(problem)
  socket.end(
    [
      `HTTP/1.1 ${problem.status} ${problem.title}`,
      `Content-Type: ${PROBLEM_TYPE}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
  )
}

function problemCode(error: Error): ErrorCode {
  switch (codeOf(error)) {
    case 'HPE_HEADER_OVERFLOW':
      return 'headers_too_large'
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return 'request_timeout'
    default:
      return 'invalid_request'
  }
}
