import type { Box, Point } from '../schema.ts'
import { type Size, scaleBox, scalePoint } from './scale.ts'

const STEPS = 1000

/**
 * A box as Gemini writes its `box_2d`: `[y_min, x_min, y_max, x_max]`, 0 to 1000 of the image's sides.
 *
 * @see https://github.com/google-gemini/cookbook/blob/f1e7e3de6004e6ca604b174684ecf89d628ac6c4/quickstarts/Spatial_understanding.ipynb
 */
export function toGeminiBox(box: Box, image: Size): Box {
  const [xMin, yMin, xMax, yMax] = scaleBox(box, image, STEPS)
  return [yMin, xMin, yMax, xMax]
}

/**
 * A point as Gemini writes it: `[y, x]`, 0 to 1000 of the image's sides.
 *
 * @see https://ai.google.dev/gemini-api/docs/robotics-overview
 */
export function toGeminiPoint(point: Point, image: Size): Point {
  const [x, y] = scalePoint(point, image, STEPS)
  return [y, x]
}
