/** The places of an answer on the picture. */
import type { Box, Point } from '@pixelllm/sdk'
import { area } from './colours.ts'
import { isInside } from './frame.ts'

/** A word, a region or a thing at its place. */
export interface Mark {
  readonly label: string
  readonly colour: string
  readonly box: Box
  /** Undefined where the box alone is the place. */
  readonly point?: Point
  /** When it came, in the page's milliseconds. */
  readonly since: number
}

/** The mark at a position: the nearest point within `reach`, else the smallest box around it; -1 for none. */
export function markAt(marks: readonly Mark[], at: Point, reach: number): number {
  const near = best(marks, ({ point }) => (point ? distance(point, at) : Number.POSITIVE_INFINITY))
  if (near.value <= reach) return near.index
  const around = best(marks, ({ box }) =>
    isInside(at, box) ? area(box) : Number.POSITIVE_INFINITY,
  )
  return around.index
}

function best(
  marks: readonly Mark[],
  rate: (mark: Mark) => number,
): { index: number; value: number } {
  let found = { index: -1, value: Number.POSITIVE_INFINITY }
  for (const [index, mark] of marks.entries()) {
    const value = rate(mark)
    if (value < found.value) found = { index, value }
  }
  return found
}

function distance(a: Point, b: Point): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1])
}
