import { createReadStream } from 'node:fs'
import { crc32, createInflateRaw } from 'node:zlib'
import { type Entry, getFileNameLowLevel, openPromise, type ZipFile } from 'yauzl'
import { ApiError } from '../errors.ts'
import type { Budget } from './archive-limits.ts'
import { quoteName, unsafe } from './archive-names.ts'
import { decompress } from './decompress.ts'
import type { Unpacker } from './unpacker.ts'

/** Where Unix keeps what kind of thing an entry is. */
const KIND_SHIFT = 16
const KIND_MASK = 0o170000
const LINK = 0o120000
const FILE = 0o100000
const FOLDER = 0o040000
/** Made by a system that knows no kinds. */
const NO_KIND = 0
const LOCAL_HEADER_BYTES = 30
const STORED = 0

interface ZipEntry {
  readonly entry: Entry
  readonly name: string
  /** Where it is written; null where it is not. */
  readonly path: string | null
  readonly kind: 'file' | 'folder'
}

/** Unpacks a zip that lies on disk: its directory comes last. */
export async function unpackZip(file: string, unpacker: Unpacker, budget: Budget): Promise<void> {
  // Names are judged by us alone, so that every kind of archive is treated alike.
  const zip = await openPromise(file, { autoClose: false, decodeStrings: false })
  try {
    // A file cannot be opened where the directory claims more entries than are taken.
    budget.judgeCount(zip.entryCount)
    const entries = await readEntries(zip, unpacker, budget)
    checkOverlap(entries)
    for (const { entry, name, path, kind } of entries) {
      if (path === null) continue
      if (kind === 'folder') await unpacker.makeFolder(path)
      else
        await unpacker.writeFile(
          path,
          checked(budget.unpack(contentsOf(zip, file, entry)), entry, name),
        )
    }
  } finally {
    zip.close()
  }
}

/** Judges the whole directory before anything is written. */
async function readEntries(zip: ZipFile, unpacker: Unpacker, budget: Budget): Promise<ZipEntry[]> {
  const entries: ZipEntry[] = []
  for await (const entry of zip.eachEntry()) {
    const { generalPurposeBitFlag, fileNameRaw, extraFields } = entry
    const name = getFileNameLowLevel(generalPurposeBitFlag, fileNameRaw, extraFields, true)
    const kind = kindOf(entry, name)
    const path = unpacker.admit({ name, kind })
    if (path !== null && kind === 'file') {
      checkReadable(entry, name)
      budget.judgeFile(name, entry.uncompressedSize)
    }
    entries.push({ entry, name, path, kind })
  }
  return entries
}

function kindOf({ externalFileAttributes }: Entry, name: string): 'file' | 'folder' {
  const kind = name.endsWith('/') ? 'folder' : 'file'
  const mode = (externalFileAttributes >>> KIND_SHIFT) & KIND_MASK
  if (mode === LINK) {
    throw unsafe(name, 'is a link: put the file itself into the archive (zip without -y)')
  }
  if (mode !== NO_KIND && mode !== (kind === 'folder' ? FOLDER : FILE)) {
    throw unsafe(name, 'is neither a file nor a folder')
  }
  return kind
}

function checkReadable(entry: Entry, name: string): void {
  if (entry.isEncrypted())
    throw unreadable(name, 'is encrypted: make the archive without a password')
  if (entry.canDecodeFileData()) return
  throw unreadable(name, 'is compressed in an unusual way: use deflate, or store it')
}

/** Entries that share their bytes are how a small zip holds petabytes. */
function checkOverlap(entries: readonly ZipEntry[]): void {
  let end = 0
  for (const { entry, name } of entries.toSorted((a, b) => startOf(a) - startOf(b))) {
    const start = entry.relativeOffsetOfLocalHeader
    if (start < end) throw unsafe(name, 'shares its bytes with another entry')
    end = start + LOCAL_HEADER_BYTES + entry.fileNameLength + entry.compressedSize
  }
}

function startOf({ entry }: ZipEntry): number {
  return entry.relativeOffsetOfLocalHeader
}

/** What an entry has, read by us: the streams of yauzl throw where nobody can catch. */
async function* contentsOf(zip: ZipFile, file: string, entry: Entry): AsyncGenerator<Buffer> {
  const { fileDataStart: start } = await zip.readLocalFileHeaderPromise(entry, { minimal: true })
  if (entry.compressedSize === 0) return
  const bytes = createReadStream(file, { start, end: start + entry.compressedSize - 1 })
  yield* entry.compressionMethod === STORED ? bytes : decompress(bytes, createInflateRaw())
}

/** Passes the bytes on and compares them with what the directory says of them. */
async function* checked(
  contents: AsyncIterable<Buffer>,
  { uncompressedSize, crc32: expected }: Entry,
  name: string,
): AsyncGenerator<Buffer> {
  let bytes = 0
  let sum = 0
  for await (const chunk of contents) {
    bytes += chunk.length
    if (bytes > uncompressedSize) throw unreadable(name, 'has more bytes than it says')
    sum = crc32(chunk, sum)
    yield chunk
  }
  if (bytes < uncompressedSize) throw unreadable(name, 'has fewer bytes than it says')
  if (sum !== expected) throw unreadable(name, 'is damaged: its checksum is another one')
}

function unreadable(name: string, fault: string): ApiError {
  return new ApiError('archive_unreadable', `the entry ${quoteName(name)} ${fault}`)
}
