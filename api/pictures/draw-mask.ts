/** A mask alone, as a picture. */
import sharp from 'sharp'
import { decodeColumns, type Mask } from '../../schemas/index.ts'
import { MAX_DRAWING_S } from './backdrop.ts'

/**
 * A mask as a greyscale PNG file.
 *
 * Read as rows, the columns of the mask are its picture mirrored at the diagonal. Flipping and then
 * turning it puts it right, which sharp does in threads that leave the event loop free.
 */
export async function drawMask(mask: Mask): Promise<Uint8Array> {
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
