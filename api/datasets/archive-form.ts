import { finished } from 'node:stream/promises'
import type { MultipartFile, MultipartValue } from '@fastify/multipart'
import type { FastifyRequest } from 'fastify'
import { DatasetName } from '../../schemas/index.ts'
import { ApiError } from '../errors.ts'
import { invalidRequest, parse } from '../validation.ts'
import type { IncomingArchive } from './archive.ts'

/** Beside the archive, in its form. */
const MAX_FORM_BYTES = 64 * 1024
/** A form has an archive and a name. */
const MAX_PARTS = 4
/** How long a refused caller may go on sending: many read the reply only when they are done. */
const LINGER_MS = 5000

/** Reads a form whose part `archive` goes on to `archive` as it comes. Returns the name. */
export async function readArchiveForm(
  request: FastifyRequest,
  archive: IncomingArchive,
  maxBytes: number,
): Promise<string | null> {
  const { raw } = request
  // Of a request that is broken off before it is read, the parts would never come.
  if (isBroken(raw)) throw hungUp()
  try {
    checkLength(request, maxBytes)
    return await readParts(request, archive)
  } catch (error) {
    if (isBroken(raw)) throw hungUp(error)
    await discardRest(raw)
    throw error
  }
}

function isBroken({ destroyed, complete }: FastifyRequest['raw']): boolean {
  return destroyed && !complete
}

function hungUp(cause?: unknown): ApiError {
  return new ApiError('cancelled', 'the caller hung up', { cause })
}

/** Refuses what is too long at once, where it says so; where it does not, the archive is counted. */
function checkLength({ headers }: FastifyRequest, maxBytes: number): void {
  if (Number(headers['content-length']) > maxBytes + MAX_FORM_BYTES) {
    throw new ApiError('archive_too_large', `the archive has more than ${maxBytes} bytes`)
  }
}

async function readParts(
  request: FastifyRequest,
  archive: IncomingArchive,
): Promise<string | null> {
  const seen = new Set<string>()
  let name: string | null = null
  const limits = { fileSize: Number.MAX_SAFE_INTEGER, parts: MAX_PARTS }
  for await (const part of request.parts({ limits })) {
    if (seen.has(part.fieldname)) throw fault(part, 'the form has two parts of this name')
    seen.add(part.fieldname)
    if (part.fieldname === 'archive') await archive.receive(fileOf(part))
    else if (part.fieldname === 'name') name = parse(DatasetName, textOf(part), ['name'])
    else throw fault(part, 'there is no such field')
  }
  if (seen.has('archive')) return name
  throw invalidRequest([{ pointer: '/archive', message: 'the form has no file part of this name' }])
}

function fileOf(part: MultipartFile | MultipartValue): MultipartFile['file'] {
  if (part.type === 'file') return part.file
  throw fault(part, 'the archive must be a file part (curl -F archive=@data.tar.gz)')
}

function textOf(part: MultipartFile | MultipartValue): unknown {
  if (part.type === 'field') return part.value
  throw fault(part, 'it must be a text and not a file')
}

function fault({ fieldname }: MultipartFile | MultipartValue, message: string): ApiError {
  return invalidRequest([{ pointer: `/${fieldname}`, message }])
}

async function discardRest(raw: FastifyRequest['raw']): Promise<void> {
  if (raw.complete) return
  raw.unpipe()
  raw.resume()
  await finished(raw, { signal: AbortSignal.timeout(LINGER_MS) }).catch(() => {})
}
