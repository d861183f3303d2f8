import { toLabelStudioRle } from './label-studio-mask.ts'
import { toLabelStudioBox } from './label-studio-shapes.ts'
import { type Answer, type Place, placesOf } from './places.ts'
import type { Size } from './scale.ts'

/** Names of the tags of a labelling configuration, `<Image name="image">` for example. */
export interface LabelStudioOptions {
  /** @default image */
  readonly image?: string
  /** The `<RectangleLabels>`. @default box */
  readonly box?: string
  /** The `<BrushLabels>`; absent, masks are left out. */
  readonly mask?: string
  /** The label of a place; it has to be one of the tag's. @default what was written about it */
  readonly label?: (place: Place) => string
}

/** One shape on the picture, or a text about one or about the picture. */
export interface LabelStudioResult {
  /** That of its shape, for a text about one. */
  readonly id: string
  readonly type: LabelStudioType
  readonly from_name: string
  readonly to_name: string
  readonly original_width: number
  readonly original_height: number
  readonly image_rotation: 0
  readonly score: number
  readonly value: Readonly<Record<string, unknown>>
  /** Shown with the shape: what was written about it. */
  readonly meta?: { readonly text: readonly [string] }
}

/** The names of the tags in small letters. */
export type LabelStudioType =
  | 'rectangle'
  | 'rectanglelabels'
  | 'brush'
  | 'brushlabels'
  | 'keypoint'
  | 'keypointlabels'
  | 'textarea'

/** An entry of the `predictions` of a task. */
export interface LabelStudioPrediction {
  readonly model_version: string
  readonly score: number
  readonly result: readonly LabelStudioResult[]
}

/**
 * An answer as a prediction of Label Studio, where places are in percent of the image's sides.
 *
 * @see https://labelstud.io/guide/predictions
 * @see https://labelstud.io/tags/rectanglelabels
 * @see https://labelstud.io/tags/brushlabels
 */
export function toLabelStudio(
  answer: Answer,
  options: LabelStudioOptions = {},
): LabelStudioPrediction {
  const places = placesOf(answer)
  const scores = places.map(({ score }) => score)
  return {
    model_version: answer.model,
    score: scores.length === 0 ? 0 : scores.reduce((sum, score) => sum + score) / scores.length,
    result: places.flatMap((place, index) =>
      shapesOf(place, `${index + 1}`, answer.image, options),
    ),
  }
}

function shapesOf(
  place: Place,
  id: string,
  { width, height }: Size,
  { image = 'image', box = 'box', mask, label = ({ label }) => label }: LabelStudioOptions,
): LabelStudioResult[] {
  const common = {
    to_name: image,
    original_width: width,
    original_height: height,
    image_rotation: 0,
    score: place.score,
    meta: { text: [place.label] },
  } as const
  const labels = [label(place)]
  const rectangle: LabelStudioResult = {
    ...common,
    id: `box-${id}`,
    type: 'rectanglelabels',
    from_name: box,
    value: { ...toLabelStudioBox(place.box, { width, height }), rectanglelabels: labels },
  }
  if (mask === undefined || place.mask === undefined) return [rectangle]
  const rle = toLabelStudioRle(place.mask)
  const value = { format: 'rle', rle, brushlabels: labels }
  return [rectangle, { ...common, id: `mask-${id}`, type: 'brushlabels', from_name: mask, value }]
}
