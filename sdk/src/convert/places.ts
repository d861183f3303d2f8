import type {
  Box,
  CaptionResult,
  DenseCaptionResult,
  DescribeResult,
  LocateResult,
  Mask,
  Score,
  SegmentResult,
} from '../schema.ts'

/** The answer of any task. */
export type Answer =
  | CaptionResult
  | DescribeResult
  | LocateResult
  | SegmentResult
  | DenseCaptionResult

/** One thing that an answer places in the image. */
export interface Place {
  readonly label: string
  readonly box: Box
  readonly score: Score
  readonly mask?: Mask
}

/**
 * What an answer places: its regions; its phrase; or of a caption its phrases, where they were asked
 * for with `ground`, and else its words.
 */
export function placesOf(answer: Answer): Place[] {
  if ('regions' in answer) {
    return answer.regions.map(({ caption, ...rest }) => placeOf(caption, rest))
  }
  if ('phrase' in answer) return [placeOf(answer.phrase, answer)]
  return (answer.phrases ?? answer.words).map(({ text, ...rest }) => placeOf(text, rest))
}

function placeOf(label: string, { box, score, mask }: Omit<Place, 'label'>): Place {
  return { label, box, score, ...(mask && { mask }) }
}
