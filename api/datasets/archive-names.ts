import { ApiError } from '../errors.ts'

const MAX_DEPTH = 16
const MAX_NAME_BYTES = 1024
/** What file systems take for one part of a path. */
const MAX_PART_BYTES = 255
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const CONTROL = /[\u0000-\u001f\u007f]/
const DRIVE = /^[A-Za-z]:/
/** What a decoder writes for bytes that are no text. */
const NO_TEXT = '\ufffd'

/** What macOS adds to folders and archives. */
const LEFT_OUT_FOLDER = '__MACOSX'
const LEFT_OUT_FILE = '.DS_Store'
const LEFT_OUT_PREFIX = '._'

/** The parts of an entry's path. Throws `archive_unsafe` where it could lead out of the folder it is put into. */
export function partsOf(name: string): string[] {
  const fault = faultOf(name)
  if (fault !== undefined) throw unsafe(name, fault)
  // As `tar -C folder .` writes them: ./images//a.jpg
  const parts = name.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.length > MAX_DEPTH) throw unsafe(name, `is more than ${MAX_DEPTH} folders deep`)
  if (parts.some((part) => Buffer.byteLength(part) > MAX_PART_BYTES)) {
    throw unsafe(name, `has a part of more than ${MAX_PART_BYTES} bytes`)
  }
  return parts
}

function faultOf(name: string): string | undefined {
  if (name === '') return 'has no name'
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) return `has more than ${MAX_NAME_BYTES} bytes`
  if (CONTROL.test(name)) return 'has a control character in its name'
  if (name.includes(NO_TEXT)) return 'has a name that is not UTF-8'
  if (name.includes('\\')) return 'has a backslash in its name; folders are separated by /'
  if (name.startsWith('/') || DRIVE.test(name)) return 'is an absolute path'
  if (name.split('/').includes('..')) return 'leads out of its folder with ..'
  return undefined
}

/** Whether it is what macOS adds, which is left out. */
export function isLeftOut(parts: readonly string[]): boolean {
  return (
    parts.includes(LEFT_OUT_FOLDER) ||
    parts.some((part) => part === LEFT_OUT_FILE || part.startsWith(LEFT_OUT_PREFIX))
  )
}

/** The same for names that some file system takes for one: whatever their case and their Unicode form. */
export function foldName(name: string): string {
  return name.normalize('NFD').toUpperCase().toLowerCase().normalize('NFC')
}

export function unsafe(name: string, fault: string): ApiError {
  return new ApiError('archive_unsafe', `the entry ${quoteName(name)} ${fault}`)
}

/** A name as it can be said: on one line, and not too long. */
export function quoteName(name: string): string {
  return JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name)
}
