/** The replies of type `image/png`. */
import { z } from 'zod'

/** What the picture of a reply shows, by kind. */
const kinds = {
  mask: 'The mask as an 8-bit greyscale PNG file of the size of the image: 255 where it is set and 0 elsewhere. The box and the scores are in JSON alone.',
} as const

export type PictureKind = keyof typeof kinds

/** The body of a reply that is a picture. */
export function pictureBody(kind: PictureKind): z.ZodType {
  return z.custom<Uint8Array>().meta({
    override: { type: 'string', format: 'binary', description: kinds[kind] },
  })
}
