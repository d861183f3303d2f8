import { z } from 'zod'

export const Point = z.tuple([z.number(), z.number()]).meta({
  id: 'Point',
  description: '[x, y] in pixels of the image as a person sees it (after EXIF rotation)',
  example: [120.5, 80],
})
export type Point = z.infer<typeof Point>

export const Box = z.tuple([z.number(), z.number(), z.number(), z.number()]).meta({
  id: 'Box',
  description:
    '[x_min, y_min, x_max, y_max] in pixels of the image as a person sees it (after EXIF rotation); the max edges are exclusive',
  example: [96, 40, 160, 128],
})
export type Box = z.infer<typeof Box>

export const ImageSize = z
  .strictObject({
    width: z.int().min(1).describe('Pixels, after EXIF rotation'),
    height: z.int().min(1).describe('Pixels, after EXIF rotation'),
  })
  .meta({ id: 'ImageSize' })
export type ImageSize = z.infer<typeof ImageSize>

export const Mask = z
  .strictObject({
    size: z
      .tuple([z.int().min(1), z.int().min(1)])
      .describe('[height, width] of the image as a person sees it (after EXIF rotation)'),
    counts: z
      .string()
      .regex(/^[0-o]+$/)
      .describe("Its runs down the columns, off and on in turn, in COCO's compressed text form"),
  })
  .meta({
    id: 'Mask',
    description: 'A set of pixels of the image, possibly none, as COCO run-length encodes it',
    example: { size: [4, 5], counts: '5220003' },
  })
export type Mask = z.infer<typeof Mask>

export const PointLocation = z
  .strictObject({ type: z.literal('point'), point: Point })
  .meta({ id: 'PointLocation', description: 'Look at what lies under this point' })

export const BoxLocation = z
  .strictObject({
    type: z.literal('box'),
    box: Box.refine(([xMin, yMin, xMax, yMax]) => xMin < xMax && yMin < yMax, {
      error: 'the box is empty: x_max must be more than x_min and y_max more than y_min',
    }),
  })
  .meta({ id: 'BoxLocation', description: 'Look inside this box' })

export const Location = z
  .discriminatedUnion('type', [PointLocation, BoxLocation])
  .meta({ id: 'Location', description: 'Where to look in the image' })
export type Location = z.infer<typeof Location>

/** Says in a sentence why `location` does not lie inside an image of this size, if so. */
export function outsideImage(location: Location, { width, height }: ImageSize): string | undefined {
  const corners: readonly number[] = location.type === 'point' ? location.point : location.box
  const inside = corners.every((value, axis) => value >= 0 && value <= (axis % 2 ? height : width))
  if (inside) return undefined
  return `the ${location.type} [${corners.join(', ')}] reaches outside the image, which is ${width} x ${height} pixels`
}
