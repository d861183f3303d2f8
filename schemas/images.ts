import { z } from 'zod'
import { ImageInfo, ImageInput } from './image.ts'

export const StoredImage = z
  .strictObject({
    ...ImageInfo.shape,
    bytes: z.int().min(1).describe('Size of the file'),
    expires_at: z.iso
      .datetime()
      .describe('When it is deleted; sending or using it again postpones this'),
  })
  .meta({ id: 'StoredImage', description: 'An image kept on the server for later requests' })
export type StoredImage = z.infer<typeof StoredImage>

export const StoreImageRequest = z
  .strictObject({ image: ImageInput })
  .meta({ id: 'StoreImageRequest' })
