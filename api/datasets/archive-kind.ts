import { ApiError } from '../errors.ts'

export type ArchiveKind = 'tar' | 'tar.gz' | 'zip'

/** How much of an archive says what it is. */
export const HEAD_BYTES = 512
/** Where a tar since 1988 says that it is one. */
const TAR_MARK_AT = 257
const GZIP = '1f8b'
const ZIP_ENTRY = '504b0304'
const ZIP_WITHOUT_ENTRIES = '504b0506'

/** What is often sent in place of those that are taken. */
const others = new Map([
  ['425a68', 'bzip2'],
  ['fd377a585a00', 'xz'],
  ['28b52ffd', 'zstd'],
  ['377abcaf271c', '7z'],
  ['526172211a07', 'rar'],
])

/** Tells an archive by its first bytes. */
export function kindOf(head: Buffer): ArchiveKind {
  const hex = head.toString('hex')
  if (hex.startsWith(GZIP)) return 'tar.gz'
  if (hex.startsWith(ZIP_ENTRY) || hex.startsWith(ZIP_WITHOUT_ENTRIES)) return 'zip'
  if (head.toString('latin1', TAR_MARK_AT, TAR_MARK_AT + 5) === 'ustar') return 'tar'
  throw new ApiError('archive_unreadable', `${describe(hex)}; send a tar, a tar.gz or a zip`)
}

function describe(hex: string): string {
  if (hex === '') return 'the archive is empty'
  const found = [...others].find(([mark]) => hex.startsWith(mark))
  return found === undefined ? 'this is no archive' : `this is ${found[1]}`
}
