/**
 * Takes a request apart into its image and its other fields, whichever way it was sent: as a form
 * with the image in a file part or named by `image_id`, or as JSON with `image.data` or `image.id`.
 */

import type { Multipart, MultipartFile } from '@fastify/multipart'
import multipart from '@fastify/multipart'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { ImageId, ImageInput } from '../../schemas/index.ts'
import { ApiError } from '../errors.ts'
import { invalidRequest, parse } from '../validation.ts'

/** No option is longer; images are files. */
const MAX_FIELD_BYTES = 64 * 1024
const MAX_PARTS = 32

/** A request body, taken apart but for the image not yet checked. */
export interface Upload {
  readonly image: Uint8Array | { readonly id: ImageId }
  /** Every other field. Those of a form are text. */
  readonly fields: Readonly<Record<string, unknown>>
  readonly isForm: boolean
}

export async function registerUploads(app: FastifyInstance, maxImageBytes: number): Promise<void> {
  app.removeContentTypeParser('text/plain')
  await app.register(multipart, {
    limits: {
      fileSize: maxImageBytes,
      fieldNameSize: 100,
      fieldSize: MAX_FIELD_BYTES,
      fields: MAX_PARTS,
      files: MAX_PARTS,
      parts: MAX_PARTS,
      headerPairs: 32,
    },
  })
}

/** The longest JSON body that an image of this size fits in; every form with such an image is shorter. */
export function maxBodyBytes(maxImageBytes: number): number {
  return Math.ceil(maxImageBytes / 3) * 4 + MAX_PARTS * MAX_FIELD_BYTES
}

export async function readUpload(request: FastifyRequest): Promise<Upload> {
  return request.isMultipart() ? readForm(request) : readJson(request.body)
}

function readJson(body: unknown): Upload {
  const { image, ...fields } = parse(z.record(z.string(), z.unknown()), body)
  const input = parse(ImageInput, image, ['image'])
  if ('id' in input) return { image: input, fields, isForm: false }
  return { image: Buffer.from(input.data, 'base64'), fields, isForm: false }
}

async function readForm(request: FastifyRequest): Promise<Upload> {
  limitForm(request)
  const { files, texts } = await readParts(request)
  const { image_id, ...fields } = Object.fromEntries(texts)
  const file = files.get('image')
  if (file !== undefined && image_id !== undefined) {
    throw invalidRequest([{ pointer: '/image_id', message: 'send it or the image, not both' }])
  }
  if (file !== undefined) return { image: file, fields, isForm: true }
  if (image_id !== undefined) {
    return { image: { id: parse(ImageId, image_id, ['image_id']) }, fields, isForm: true }
  }
  throw invalidRequest([{ pointer: '/image', message: missingImage(texts.has('image')) }])
}

/**
 * Stops a form that is longer than the route's limit, which Fastify itself does for JSON alone: at
 * once where it says so, and by closing the connection where it does not.
 */
function limitForm({ raw, headers, routeOptions }: FastifyRequest): void {
  const { bodyLimit } = routeOptions
  if (Number(headers['content-length']) > bodyLimit) {
    throw new ApiError('body_too_large', `the form has more than ${bodyLimit} bytes`)
  }
  let bytes = 0
  raw.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > bodyLimit) raw.destroy()
  })
}

function missingImage(sentAsText: boolean): string {
  return sentAsText
    ? 'the image must be a file part (curl -F image=@picture.png)'
    : 'the form has no file part of this name, and no image_id'
}

interface Parts {
  readonly files: ReadonlyMap<string, Uint8Array>
  readonly texts: ReadonlyMap<string, string>
}

/** Reads a form to its end before judging it, so that the connection stays usable. */
async function readParts(request: FastifyRequest): Promise<Parts> {
  const files = new Map<string, Uint8Array>()
  const texts = new Map<string, string>()
  const twice = new Set<string>()
  for await (const part of request.parts()) {
    const name = part.fieldname
    if (files.has(name) || texts.has(name)) {
      twice.add(name)
      if (part.type === 'file') part.file.resume()
    } else if (part.type === 'file' && name === 'image') {
      files.set(name, await part.toBuffer())
    } else {
      texts.set(name, await textOf(part))
    }
  }
  const [name] = twice
  if (name !== undefined) {
    throw invalidRequest([{ pointer: `/${name}`, message: 'the form has two parts of this name' }])
  }
  return { files, texts }
}

/** The text of a part. Some clients send JSON with a file name; it is text nevertheless. */
async function textOf(part: Multipart): Promise<string> {
  if (part.type === 'file') return readText(part)
  if (part.valueTruncated) throw tooLong(part.fieldname)
  // The plugin has already read a part of type application/json.
  return typeof part.value === 'string' ? part.value : JSON.stringify(part.value)
}

async function readText({ fieldname, file }: MultipartFile): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of file) {
    bytes += chunk.length
    if (bytes <= MAX_FIELD_BYTES) chunks.push(chunk)
  }
  if (bytes > MAX_FIELD_BYTES) throw tooLong(fieldname)
  return Buffer.concat(chunks).toString('utf8')
}

function tooLong(name: string): ApiError {
  return new ApiError('body_too_large', `the part ${name} has more than ${MAX_FIELD_BYTES} bytes`)
}

/**
 * Reads the fields of a form, which are all text, as the fields that `shape` describes: one that
 * cannot be text there is JSON.
 */
export function readTextFields(
  fields: Readonly<Record<string, unknown>>,
  shape: Readonly<Record<string, z.core.$ZodType>>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, text]) => [name, readTextField(text, shape[name])]),
  )
}

function readTextField(text: unknown, schema: z.core.$ZodType | undefined): unknown {
  if (schema === undefined || typeof text !== 'string' || takesText(schema, text)) return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function takesText(schema: z.core.$ZodType, text: string): boolean {
  const { success, error } = z.safeParse(schema, text)
  return success || error.issues[0]?.code !== 'invalid_type'
}
