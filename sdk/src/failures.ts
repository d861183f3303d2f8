/** What goes wrong between the server and this client; what the server itself says is an `ApiError`. */

/** The server cannot be reached, or the connection broke before the whole answer was here. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError'
}

/** Nothing was heard from the server for `timeoutMs`. */
export class TimeoutError extends Error {
  override readonly name = 'TimeoutError'
}

/** What answered is not a PixelLLM Server, but for example a proxy before it that has lost it. */
export class UnexpectedReplyError extends Error {
  override readonly name = 'UnexpectedReplyError'
  readonly status: number
  readonly retryAfterMs: number | undefined

  constructor(status: number, text: string, retryAfterMs?: number) {
    super(`the reply is not one of PixelLLM Server: HTTP ${status}${excerptOf(text)}`)
    this.status = status
    this.retryAfterMs = retryAfterMs
  }
}

const EXCERPT_LENGTH = 200

function excerptOf(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim()
  if (line === '') return ''
  return `, ${line.length > EXCERPT_LENGTH ? `${line.slice(0, EXCERPT_LENGTH)}...` : line}`
}
