import { ApiError } from './api-error.ts'
import { ConnectionError, UnexpectedReplyError } from './failures.ts'

/**
 * When a request may be sent again. `freely`: it changes nothing, or sent twice it changes the same.
 * `if_refused`: only after an answer that says that nothing was done, and not after a broken
 * connection, when it is not known.
 */
export type Repeat = 'freely' | 'if_refused'

const FIRST_DELAY_MS = 500
const LONGEST_DELAY_MS = 8_000
/** A server that asks for a longer wait than this is not waited for. */
const LONGEST_RETRY_AFTER_MS = 60_000
/** Of the proxies before a server. */
const PASSING_STATUSES = [502, 503, 504]

/** How long to wait before a request is sent again; undefined where it should not be. */
export function delayBeforeRetry(
  error: unknown,
  repeat: Repeat,
  tries: number,
): number | undefined {
  if (!canRetry(error, repeat)) return undefined
  const asked = retryAfterOf(error)
  if (asked > LONGEST_RETRY_AFTER_MS) return undefined
  const backOff = Math.min(FIRST_DELAY_MS * 2 ** tries, LONGEST_DELAY_MS)
  // Half of it is left to chance, so that those who were refused together do not return together.
  return asked + backOff * (0.5 + Math.random() / 2)
}

function canRetry(error: unknown, repeat: Repeat): boolean {
  if (error instanceof ApiError) return error.retry
  if (repeat === 'if_refused') return false
  if (error instanceof UnexpectedReplyError) return PASSING_STATUSES.includes(error.status)
  return error instanceof ConnectionError
}

function retryAfterOf(error: unknown): number {
  const known = error instanceof ApiError || error instanceof UnexpectedReplyError
  return (known && error.retryAfterMs) || 0
}

/** `Retry-After` in milliseconds: it has seconds or a date. */
export function readRetryAfter(header: string | null): number | undefined {
  if (header === null || header.trim() === '') return undefined
  const seconds = Number(header)
  const ms = Number.isNaN(seconds) ? Date.parse(header) - Date.now() : seconds * 1000
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}

/** Waits; rejects with the signal's reason when it is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const stop = (): void => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal?.addEventListener('abort', stop, { once: true })
  })
}
