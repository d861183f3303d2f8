import {
  type Box,
  type ImageInfo,
  type LabelStudioResult,
  type Mask,
  type Point,
  type Score,
  toLabelStudioBox,
  toLabelStudioPoint,
  toLabelStudioRle,
} from '@pixelllm/sdk'
import type { Control } from './label-config.ts'

/** One thing that is to be marked with a tag. */
export interface Mark {
  readonly control: Control
  /** One of the tag's; absent for a tag without labels. */
  readonly label?: string | undefined
  readonly image: ImageInfo
  readonly box: Box
  /** Where a key point goes. */
  readonly point: Point
  /** Of a brush, and only of one. */
  readonly mask?: Mask | undefined
  readonly score: Score
  /** What was asked about it or written about it; shown with the mark. */
  readonly text: string
  /** Whether `text` was written by the model about this mark. */
  readonly described: boolean
}

/** The shape of a mark, as a result of Label Studio. */
export function shapeOf(mark: Mark, id: string, to_name: string): LabelStudioResult {
  const { control, label, image } = mark
  return {
    ...frameOf(image),
    id,
    type: control.type,
    from_name: control.name,
    to_name,
    score: mark.score,
    value: { ...geometryOf(mark), ...(label !== undefined && { [control.type]: [label] }) },
    meta: { text: [mark.text] },
  }
}

interface Note {
  readonly text: string
  readonly score: Score
}

/** A text about a mark, which belongs to it by its id. */
export function noteOf(
  shape: LabelStudioResult,
  control: Control,
  { text, score }: Note,
): LabelStudioResult {
  const { meta, ...common } = shape
  const { [shape.type]: labels, ...geometry } = shape.value
  return {
    ...common,
    type: control.type,
    from_name: control.name,
    score,
    value: { ...geometry, text: [text] },
  }
}

/** A text about the image. */
export function textOf(
  control: Control,
  to_name: string,
  { text, score, image }: Note & { readonly image: ImageInfo },
): LabelStudioResult {
  return {
    ...frameOf(image),
    id: `text-${control.name}`,
    type: control.type,
    from_name: control.name,
    to_name,
    score,
    value: { text: [text] },
  }
}

function frameOf({ width, height }: ImageInfo) {
  return { original_width: width, original_height: height, image_rotation: 0 } as const
}

function geometryOf({ control, image, box, point, mask }: Mark): object {
  if (control.marks === 'point') return toLabelStudioPoint(point, image)
  if (mask === undefined) return toLabelStudioBox(box, image)
  return { format: 'rle', rle: toLabelStudioRle(mask) }
}
