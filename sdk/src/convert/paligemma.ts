import type { Box } from '../schema.ts'
import { type Size, scaleBox } from './scale.ts'

const LAST_STEP = 1023

/**
 * A box as PaliGemma writes it: `<locNNNN>` for y_min, x_min, y_max and x_max, 0 to 1023 of the
 * image's sides.
 *
 * @see https://github.com/google-research/big_vision/blob/0127fb6b337ee2a27bf4e54dea79cff176527356/big_vision/pp/proj/paligemma/segmentation.py `binned_loc`
 */
export function toPaliGemmaBox(box: Box, image: Size): string {
  const [xMin, yMin, xMax, yMax] = scaleBox(box, image, LAST_STEP)
  return [yMin, xMin, yMax, xMax].map((step) => `<loc${`${step}`.padStart(4, '0')}>`).join('')
}
