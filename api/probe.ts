import sharp, { type Metadata } from 'sharp'
import type { ImageSize } from '../schemas/index.ts'
import { ApiError } from './errors.ts'

/** A shorter side shows nothing that the model could tell apart. */
const MIN_SIDE = 8

export interface ImageLimits {
  readonly max_image_bytes: number
  readonly max_image_pixels: number
  readonly max_image_side: number
}

/** Checks an image file by its header, without decoding a pixel, and returns its size after EXIF rotation. */
export async function probeImage(bytes: Uint8Array, limits: ImageLimits): Promise<ImageSize> {
  if (bytes.length > limits.max_image_bytes) {
    throw new ApiError('image_too_large', `the image has more than ${limits.max_image_bytes} bytes`)
  }
  // Before sharp sees it: its other decoders, SVG above all, are nothing to show to strangers.
  if (!hasKnownSignature(bytes)) {
    throw new ApiError('image_unsupported', 'the image is not a JPEG, PNG or WebP file')
  }
  const { autoOrient, pages = 1 } = await readHeader(bytes)
  if (pages > 1) throw new ApiError('image_unsupported', 'the image is animated; send a still one')
  checkSize(autoOrient, limits)
  return { width: autoOrient.width, height: autoOrient.height }
}

async function readHeader(bytes: Uint8Array): Promise<Metadata> {
  try {
    // The limit on pixels is ours, below, so that its message can be.
    return await sharp(bytes, { limitInputPixels: false, failOn: 'error' }).metadata()
  } catch (error) {
    throw new ApiError('image_unreadable', 'the header of the image is broken', { cause: error })
  }
}

function checkSize({ width, height }: ImageSize, limits: ImageLimits): void {
  const size = `the image has ${width} x ${height} pixels`
  if (Math.min(width, height) < MIN_SIDE) {
    throw new ApiError('image_too_small', `${size}; both sides must be at least ${MIN_SIDE}`)
  }
  if (Math.max(width, height) > limits.max_image_side) {
    throw new ApiError('image_too_large', `${size}; a side may have ${limits.max_image_side}`)
  }
  if (width * height > limits.max_image_pixels) {
    throw new ApiError('image_too_large', `${size}; it may have ${limits.max_image_pixels} in all`)
  }
}

function hasKnownSignature(bytes: Uint8Array): boolean {
  const head = Buffer.from(bytes.subarray(0, 12)).toString('latin1')
  return (
    head.startsWith('\xff\xd8\xff') ||
    head.startsWith('\x89PNG\r\n\x1a\n') ||
    (head.startsWith('RIFF') && head.endsWith('WEBP'))
  )
}
