import { codeOf } from '../error-code.ts'
import { ApiError } from '../errors.ts'
import { storageFailure } from '../write-whole.ts'

/** What the caller is told where unpacking failed: the archive is to blame, or the disk. */
export function archiveFailure(error: unknown): unknown {
  const fault = faultOf(error)
  if (fault === undefined) return storageFailure(error)
  const message = `the archive is damaged or cut short: ${fault}`
  return new ApiError('archive_unreadable', message, { cause: error })
}

/** What the parsers say: zlib's errors have codes, those of tar and zip are plain. */
function faultOf(error: unknown): string | undefined {
  const code = codeOf(error)
  if (typeof error !== 'object' || error === null || !('message' in error)) return undefined
  const isPlain = code === undefined && 'name' in error && error.name === 'Error'
  return isPlain || code?.startsWith('Z_') ? String(error.message) : undefined
}
