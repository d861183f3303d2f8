/** The colours of places: as many as are needed, neighbours far apart. */
import type { Box } from '@pixelllm/sdk'

const FIRST_HUE = 28
/** The golden angle: however many there are, no two hues come close. */
const TURN = 137.508
/** Words whose boxes overlap by this much mean the same place. */
const SAME_PLACE = 0.5

export function colourOf(index: number): string {
  return `oklch(0.74 0.165 ${((FIRST_HUE + index * TURN) % 360).toFixed(1)})`
}

/**
 * Gives words their colours, one after the other: a word at the place of an earlier one has its
 * colour. What comes later changes none, so a word keeps its colour while the caption grows.
 */
export class WordColours {
  readonly #places: Box[] = []
  readonly #first: number

  constructor(first = 0) {
    this.#first = first
  }

  next(box: Box): string {
    const known = this.#places.findIndex((place) => overlap(place, box) >= SAME_PLACE)
    if (known >= 0) return colourOf(this.#first + known)
    return colourOf(this.#first + this.#places.push(box) - 1)
  }
}

/** Intersection over union. */
function overlap(a: Box, b: Box): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0])
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1])
  if (width <= 0 || height <= 0) return 0
  const shared = width * height
  return shared / (area(a) + area(b) - shared)
}

export function area([left, top, right, bottom]: Box): number {
  return (right - left) * (bottom - top)
}
