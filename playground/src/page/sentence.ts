import { ApiError, ConnectionError } from '@pixelllm/sdk'

/** What went wrong, as a sentence for people. */
export function sentenceOf(error: unknown): string {
  if (error instanceof ApiError && error.message) return asSentence(error.message)
  if (error instanceof ApiError) return `The server answered with status ${error.status}.`
  if (error instanceof ConnectionError) return 'The server does not answer. Is it still running?'
  return asSentence(error instanceof Error ? error.message : String(error))
}

/** Whether the same can succeed a little later. */
export function canTryAgain(error: unknown): boolean {
  return error instanceof ApiError ? error.retry : error instanceof ConnectionError
}

export function asSentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?]$/.test(begun) ? begun : `${begun}.`
}
