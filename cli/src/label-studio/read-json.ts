import type { IncomingMessage } from 'node:http'
import { HttpError } from './http-error.ts'

/** Label Studio sends many tasks at once, and images may be in them. */
const MAX_BYTES = 128 * 1024 * 1024

/** The body of a request. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  // A page in a browser cannot send this without being asked first, and it is answered nothing.
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) {
    throw new HttpError(415, 'the body is not application/json')
  }
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += chunk.length
    if (bytes > MAX_BYTES) throw new HttpError(413, `the body has more than ${MAX_BYTES} bytes`)
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    throw new HttpError(400, 'the body is no JSON')
  }
}
