import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Gunzip, InflateRaw } from 'node:zlib'

/** What compressed bytes are, as long as somebody reads it. */
export async function* decompress(
  compressed: Readable | AsyncGenerator<Buffer>,
  decompressor: Gunzip | InflateRaw,
): AsyncGenerator<Buffer> {
  const feeding = pipeline(compressed, decompressor)
  // Whoever reads sees the same failure.
  feeding.catch(() => {})
  try {
    yield* decompressor
  } finally {
    decompressor.destroy()
  }
}
