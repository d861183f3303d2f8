/** The pictures that tasks answer with, by what they show. */
import sharp from 'sharp'
import { z } from 'zod'
import { decodeColumns, Mask, type PictureKind } from '../schemas/index.ts'

/** Much longer than the largest picture takes. */
const MAX_DRAWING_S = 20

const drawers: Readonly<Record<PictureKind, (result: unknown) => Promise<Uint8Array>>> = {
  mask: (result) => drawMask(Masked.parse(result).mask),
}

/** Draws the result of a task as a PNG file. */
export async function drawResult(kind: PictureKind, result: unknown): Promise<Uint8Array> {
  return drawers[kind](result)
}

const Masked = z.object({ mask: Mask })

/**
 * A mask as a greyscale picture.
 *
 * Read as rows, the columns of the mask are its picture mirrored at the diagonal. Flipping and then
 * turning it puts it right, which sharp does in threads that leave the event loop free.
 */
async function drawMask(mask: Mask): Promise<Uint8Array> {
  const [height] = mask.size
  const columns = decodeColumns(mask, 255)
  const raw = { width: height, height: columns.length / height, channels: 1 as const }
  return sharp(columns, { raw, limitInputPixels: false })
    .flip()
    .rotate(90)
    .toColourspace('b-w')
    .png()
    .timeout({ seconds: MAX_DRAWING_S })
    .toBuffer()
}
