import type { Box, Point } from '../schema.ts'
import { type Size, scaleBox, scalePoint } from './scale.ts'

const STEPS = 1000

/**
 * A box as Qwen3-VL writes its `bbox_2d`: `[x_min, y_min, x_max, y_max]`, 0 to 1000 of the image's
 * sides. Qwen2-VL counts the same way.
 *
 * @see https://github.com/QwenLM/Qwen3-VL/blob/96588727e44c78b25ba03ea03b8e12f7e64fd0da/evaluation/ODinW-13/run_odinw.py
 */
export function toQwenBox(box: Box, image: Size): Box {
  return scaleBox(box, image, STEPS)
}

/**
 * A point as Qwen3-VL writes its `point_2d`: `[x, y]`, 0 to 1000 of the image's sides.
 *
 * @see https://github.com/QwenLM/Qwen3-VL/blob/96588727e44c78b25ba03ea03b8e12f7e64fd0da/cookbooks/2d_grounding.ipynb
 */
export function toQwenPoint(point: Point, image: Size): Point {
  return scalePoint(point, image, STEPS)
}

/** How many pixels the image has that Qwen2.5-VL sees. */
export interface Qwen25Limits {
  /** @default 3136, as its processor has it */
  readonly minPixels?: number
  /** @default 12_845_056, as its processor has it */
  readonly maxPixels?: number
}

/** A patch is 14 pixels wide, and two by two of them are one token. */
const FACTOR = 28
const MIN_PIXELS = 4 * FACTOR ** 2
const MAX_PIXELS = 16_384 * FACTOR ** 2

/**
 * The size to which Qwen2.5-VL resizes an image: its sides are multiples of 28.
 *
 * @see https://github.com/QwenLM/Qwen3-VL/blob/96588727e44c78b25ba03ea03b8e12f7e64fd0da/qwen-vl-utils/src/qwen_vl_utils/vision_process.py `smart_resize`
 */
export function toQwen25Frame(
  { width, height }: Size,
  { minPixels = MIN_PIXELS, maxPixels = MAX_PIXELS }: Qwen25Limits = {},
): Size {
  const resize = (by: (side: number) => number): Size => ({
    width: Math.max(FACTOR, by(width) * FACTOR),
    height: Math.max(FACTOR, by(height) * FACTOR),
  })
  const frame = resize((side) => roundHalfToEven(side / FACTOR))
  const pixels = frame.width * frame.height
  if (pixels > maxPixels) {
    const ratio = Math.sqrt((width * height) / maxPixels)
    return resize((side) => Math.floor(side / ratio / FACTOR))
  }
  if (pixels < minPixels) {
    const ratio = Math.sqrt(minPixels / (width * height))
    return resize((side) => Math.ceil((side * ratio) / FACTOR))
  }
  return frame
}

/** A box as Qwen2.5-VL writes it: in whole pixels of the image that it sees, `toQwen25Frame`. */
export function toQwen25Box(box: Box, image: Size, limits?: Qwen25Limits): Box {
  const [left, top, right, bottom] = box
  const [xMin, yMin] = toQwen25Point([left, top], image, limits)
  const [xMax, yMax] = toQwen25Point([right, bottom], image, limits)
  return [xMin, yMin, xMax, yMax]
}

/** A point as Qwen2.5-VL writes it: in whole pixels of the image that it sees, `toQwen25Frame`. */
export function toQwen25Point([x, y]: Point, image: Size, limits?: Qwen25Limits): Point {
  const frame = toQwen25Frame(image, limits)
  return [
    Math.round((x / image.width) * frame.width),
    Math.round((y / image.height) * frame.height),
  ]
}

/** As Python's `round` does it. */
function roundHalfToEven(value: number): number {
  const below = Math.floor(value)
  if (value - below !== 0.5) return Math.round(value)
  return below % 2 === 0 ? below : below + 1
}
