/** The image itself, as pictures show it. */
import sharp from 'sharp'
import { ApiError } from '../errors.ts'
import type { Size } from './rectangles.ts'

const QUALITY = 90
/** Much longer than the largest image takes on a busy machine. */
export const MAX_DRAWING_S = 60

/** The image at this size, the right way up, as a JPEG file. */
export async function backdropOf(bytes: Uint8Array, { width, height }: Size): Promise<Buffer> {
  try {
    // The limits on its size were checked before it was asked about.
    return await sharp(bytes, { limitInputPixels: false, failOn: 'none' })
      .autoOrient()
      .resize(width, height, { fit: 'fill' })
      .flatten({ background: 'white' })
      .toColourspace('srgb')
      .jpeg({ quality: QUALITY, chromaSubsampling: '4:4:4' })
      .timeout({ seconds: MAX_DRAWING_S })
      .toBuffer()
  } catch (cause) {
    throw new ApiError('image_unreadable', 'the image cannot be drawn', { cause })
  }
}
