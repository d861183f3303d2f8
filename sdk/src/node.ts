/** What Node can do and a browser cannot: files by their paths. */
import { createWriteStream, openAsBlob } from 'node:fs'
import { stat } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'

/** A file as a Blob. It is read as it is sent, so it may be larger than memory. */
export async function openFile(path: string): Promise<Blob> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new Error(`cannot read ${path}: there is no such file`, { cause })
  })
  if (!found.isFile()) throw new Error(`cannot read ${path}: it is not a file`)
  return openAsBlob(path)
}

/** Writes what comes, for example a checkpoint, into a file that must not be there yet. */
export async function saveTo(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  await pipeline(chunks, createWriteStream(path, { flags: 'wx' }))
}
