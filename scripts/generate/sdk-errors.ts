/** Writes `sdk/src/errors.ts`: the table of errors for clients. */
import { ErrorCode, errorEntry } from '../../schemas/index.ts'

export function sdkErrors(notice: string): string {
  const rows = ErrorCode.options.map((code) => {
    const { status, retry } = errorEntry(code)
    return `  ${code}: { status: ${status}, retry: ${retry} },\n`
  })
  return `/** ${notice} */
import type { ErrorCode } from './schema.ts'

export interface ErrorEntry {
  /** HTTP status of the reply. */
  readonly status: number
  /** Whether the same request can succeed when it is sent again a little later. */
  readonly retry: boolean
}

/** Every error of the server. */
export const errors: Readonly<Record<ErrorCode, ErrorEntry>> = {
${rows.join('')}}
`
}
