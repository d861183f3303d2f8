import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { Mask } from '../../schemas/index.ts'

const EncodedMask = z.strictObject({
  name: z.string(),
  ...Mask.shape,
  /** Its pixels, a digit each; of a large one there is the hash alone. */
  rows: z.array(z.string()).optional(),
  /** SHA-256 of its pixels row by row, a byte of 0 or 1 each. */
  sha256: z.string().optional(),
})
const Fixture = z.strictObject({ made_with: z.string(), masks: z.array(EncodedMask).min(1) })

interface KnownMask {
  readonly name: string
  readonly mask: Mask
  /** SHA-256 of its pixels, as `hashOf` makes it. */
  readonly sha256: string
}

/** Masks that pycocotools encoded. */
export const knownMasks: readonly KnownMask[] = Fixture.parse(
  JSON.parse(readFileSync('tests/fixtures/masks.json', 'utf8')),
).masks.map(({ name, size, counts, rows = [], sha256 }) => ({
  name,
  mask: { size, counts },
  sha256: sha256 ?? hashOf(Uint8Array.from(rows.join(''), Number)),
}))

/** The hash of pixels row by row, a byte of 0 or 1 each. */
export function hashOf(pixels: Uint8Array): string {
  return createHash('sha256').update(pixels).digest('hex')
}
