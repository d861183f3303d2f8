/** How large everything in a picture is. */
import type { ImageSize } from '../../schemas/index.ts'
import type { Rectangle } from './rectangles.ts'

/** The longer side of the image as it is shown: small ones are enlarged, large ones made smaller. */
const MIN_SIDE = 720
const MAX_SIDE = 1600
/** Room for a label, however thin the image is. */
const MIN_WIDTH = 480
const MIN_HEIGHT = 120
/** Letters grow with the image and stay readable. */
const LETTER_PART = 0.025
const MIN_LETTERS = 14
const MAX_LETTERS = 32

/** All in pixels of the picture. */
export interface Geometry {
  /** Of pixels of the original. */
  readonly scale: number
  readonly image: Rectangle
  /** Where labels may lie: the image, and white beside one that is very thin. */
  readonly area: Rectangle
  readonly letters: number
  /** Radius of a dot. */
  readonly dot: number
  readonly stroke: number
}

export function geometryOf({ width, height }: ImageSize): Geometry {
  const longer = Math.max(width, height)
  const scale = Math.min(Math.max(longer, MIN_SIDE), MAX_SIDE) / longer
  const shown = {
    width: Math.max(1, Math.round(width * scale)),
    height: Math.max(1, Math.round(height * scale)),
  }
  const area = {
    left: 0,
    top: 0,
    right: Math.max(shown.width, MIN_WIDTH),
    bottom: Math.max(shown.height, MIN_HEIGHT),
  }
  const left = Math.floor((area.right - shown.width) / 2)
  const top = Math.floor((area.bottom - shown.height) / 2)
  const image = { left, top, right: left + shown.width, bottom: top + shown.height }
  const size = Math.sqrt(area.right * area.bottom)
  const letters = Math.round(Math.min(Math.max(LETTER_PART * size, MIN_LETTERS), MAX_LETTERS))
  return { scale, image, area, letters, dot: letters * 0.3, stroke: letters * 0.14 }
}
