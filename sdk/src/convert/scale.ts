import type { Box, ImageInfo, Point } from '../schema.ts'

/** The size of the image that coordinates are about: the `image` of an answer has it. */
export type Size = Pick<ImageInfo, 'width' | 'height'>

/** A point where the image is `steps` wide and high, rounded to a step. */
export function scalePoint([x, y]: Point, size: Size, steps: number): Point {
  return [toStep(x, size.width, steps), toStep(y, size.height, steps)]
}

/** A box where the image is `steps` wide and high, rounded to steps. */
export function scaleBox([left, top, right, bottom]: Box, size: Size, steps: number): Box {
  const [xMin, yMin] = scalePoint([left, top], size, steps)
  const [xMax, yMax] = scalePoint([right, bottom], size, steps)
  return [xMin, yMin, xMax, yMax]
}

function toStep(value: number, side: number, steps: number): number {
  return Math.min(Math.max(Math.round((value / side) * steps), 0), steps)
}
