import { ImageError } from './image-error.ts'

/** The body of a reply, or an error as soon as it has more bytes. */
export async function readLimited(reply: Response, maxBytes: number): Promise<Blob> {
  const chunks: Uint8Array<ArrayBuffer>[] = []
  let bytes = 0
  for await (const chunk of reply.body ?? []) {
    bytes += chunk.byteLength
    if (bytes > maxBytes) throw new ImageError(`the image has more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return new Blob(chunks)
}
