import { z } from 'zod'
import { ImageData, ImageId, ImageInfo } from './image.ts'

export const StoreImageRequest = z
  .strictObject({ image: ImageData })
  .meta({ id: 'StoreImageRequest' })

export const StoredImage = z
  .strictObject({
    ...ImageInfo.shape,
    bytes: z.int().min(1).describe('Size of the file'),
    expires_at: z.iso
      .datetime()
      .describe('When it is deleted; sending it again or asking about it postpones this'),
  })
  .meta({ id: 'StoredImage', description: 'An image kept on the server for later requests' })
export type StoredImage = z.infer<typeof StoredImage>

export const StoredImageParams = z.strictObject({ id: ImageId })
