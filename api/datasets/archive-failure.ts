import { codeOf } from '../error-code.ts'
import { ApiError } from '../errors.ts'

const DISK_FULL: ReadonlySet<string | undefined> = new Set(['ENOSPC', 'EDQUOT'])

/** What the caller is told where unpacking failed: the archive is to blame, or the disk. */
export function archiveFailure(error: unknown): unknown {
  const code = codeOf(error)
  if (DISK_FULL.has(code)) return new ApiError('storage_full', 'the disk is full', { cause: error })
  const fault = faultOf(error, code)
  if (fault === undefined) return error
  const message = `the archive is damaged or cut short: ${fault}`
  return new ApiError('archive_unreadable', message, { cause: error })
}

/** What the parsers say: zlib's errors have codes, those of tar and zip are plain. */
function faultOf(error: unknown, code: string | undefined): string | undefined {
  if (typeof error !== 'object' || error === null || !('message' in error)) return undefined
  const isPlain = code === undefined && 'name' in error && error.name === 'Error'
  return isPlain || code?.startsWith('Z_') ? String(error.message) : undefined
}
