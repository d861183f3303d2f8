import { decodeMask } from '../decode-mask.ts'
import type { Box, Mask } from '../schema.ts'
import { type Answer, type Place, placesOf } from './places.ts'

export interface CocoAnnotation {
  readonly id: number
  readonly image_id: number
  readonly category_id: number
  /** `[x, y, width, height]` in pixels. */
  readonly bbox: readonly [number, number, number, number]
  /** Pixels of the mask, or of the box where there is none. */
  readonly area: number
  readonly iscrowd: 0
  /** The mask as it is: COCO's compressed run lengths, which pycocotools reads. */
  readonly segmentation?: Mask
  readonly score: number
  /** What was written about it: no field of COCO's own. */
  readonly caption: string
}

export interface CocoOptions {
  readonly image_id: number
  /** Of all its annotations, or found by the label. @default 1 */
  readonly category_id?: number | ((label: string) => number)
  /** Of its first annotation; those behind it count on. @default 1 */
  readonly first_id?: number
}

/**
 * A box as COCO writes its `bbox`: `[x, y, width, height]` in pixels.
 *
 * @see https://cocodataset.org/#format-data
 */
export function toCocoBox([xMin, yMin, xMax, yMax]: Box): CocoAnnotation['bbox'] {
  return [xMin, yMin, xMax - xMin, yMax - yMin]
}

/**
 * An answer as entries of COCO's `annotations`; with their `score` they are entries of a file of
 * results, too.
 *
 * @see https://cocodataset.org/#format-data
 * @see https://cocodataset.org/#format-results
 */
export function toCoco(
  answer: Answer,
  { image_id, category_id = 1, first_id = 1 }: CocoOptions,
): CocoAnnotation[] {
  const categoryOf = typeof category_id === 'function' ? category_id : () => category_id
  return placesOf(answer).map((place, index) => ({
    id: first_id + index,
    image_id,
    category_id: categoryOf(place.label),
    bbox: toCocoBox(place.box),
    area: areaOf(place),
    iscrowd: 0,
    ...(place.mask && { segmentation: place.mask }),
    score: place.score,
    caption: place.label,
  }))
}

function areaOf({ box, mask }: Place): number {
  if (mask !== undefined) return decodeMask(mask).reduce((sum, pixel) => sum + pixel, 0)
  const [, , width, height] = toCocoBox(box)
  return width * height
}
