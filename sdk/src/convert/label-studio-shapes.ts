import type { Box, Point } from '../schema.ts'
import type { Size } from './scale.ts'

/** A rectangle in percent of the image's sides. */
export interface LabelStudioBox {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  readonly rotation: 0
}

/** A key point in percent of the image's sides; `width` is how thick it is drawn. */
export interface LabelStudioPoint {
  readonly x: number
  readonly y: number
  readonly width: number
}

const POINT_WIDTH = 0.5

/** @see https://labelstud.io/tags/rectanglelabels */
export function toLabelStudioBox([xMin, yMin, xMax, yMax]: Box, size: Size): LabelStudioBox {
  const x = toPercent(xMin, size.width)
  const y = toPercent(yMin, size.height)
  return {
    x,
    y,
    width: toPercent(xMax - xMin, size.width),
    height: toPercent(yMax - yMin, size.height),
    rotation: 0,
  }
}

/** @see https://labelstud.io/tags/keypointlabels */
export function toLabelStudioPoint([x, y]: Point, size: Size): LabelStudioPoint {
  return { x: toPercent(x, size.width), y: toPercent(y, size.height), width: POINT_WIDTH }
}

/** Label Studio refuses what is over 100 by a rounding. */
function toPercent(value: number, side: number): number {
  return Math.min(Math.max((value / side) * 100, 0), 100)
}
