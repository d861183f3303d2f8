import { z } from 'zod'
import { ImageSize } from './geometry.ts'

export const ImageId = z
  .string()
  .regex(/^img_[0-9a-f]{32}$/)
  .meta({
    id: 'ImageId',
    description:
      'Id of an image, made from its bytes: "img_" and the first 32 hexadecimal digits of their SHA-256',
    example: 'img_9f86d081884c7d659a2feaa0c55ad015',
  })
export type ImageId = z.infer<typeof ImageId>

const NOT_BASE64 = 'it must be base64, without spaces, line breaks or a data: in front'

export const ImageData = z
  .strictObject({
    data: z
      .base64({ error: ({ code }) => (code === 'invalid_format' ? NOT_BASE64 : undefined) })
      .min(1)
      .describe('The image file (JPEG, PNG or WebP) in base64'),
  })
  .meta({ id: 'ImageData' })

export const ImageReference = z
  .strictObject({ id: ImageId })
  .meta({ id: 'ImageReference', description: 'An image sent before with POST /v1/images' })

export const ImageInput = z.union([ImageData, ImageReference]).meta({ id: 'ImageInput' })
export type ImageInput = z.infer<typeof ImageInput>

export const ImageInfo = z
  .strictObject({ id: ImageId, ...ImageSize.shape })
  .meta({ id: 'ImageInfo', description: 'The image that an answer is about' })
export type ImageInfo = z.infer<typeof ImageInfo>
