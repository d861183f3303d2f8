/** Masks as one transparent picture that lies over the image. */
import sharp from 'sharp'
import { type Mask, runLengths } from '../../schemas/index.ts'
import { MAX_DRAWING_S } from './backdrop.ts'
import { channelsOf } from './colours.ts'
import type { Size } from './rectangles.ts'

const INSIDE = 110 // of 255: the image shows through
const EDGE = 255

export interface ColouredMask {
  readonly colour: string
  readonly mask: Mask
}

/** A PNG file of this size; a later mask lies over an earlier one. */
export async function drawMasks(masks: readonly ColouredMask[], size: Size): Promise<Buffer> {
  const { width, height } = size
  const pixels = new Uint8Array(width * height * 4)
  for (const { mask, colour } of masks) paint(pixels, sampleMask(mask, size), colour, width)
  return sharp(pixels, { raw: { width, height, channels: 4 } })
    .png()
    .timeout({ seconds: MAX_DRAWING_S })
    .toBuffer()
}

/**
 * A mask at another size, row by row, 1 where it is set: of each pixel, what lies under its centre.
 * The mask is never made at its own size, which can be a thousand times as large.
 */
export function sampleMask({ size, counts }: Mask, { width, height }: Size): Uint8Array {
  const [rows, columns] = size
  const pixels = new Uint8Array(width * height)
  const sampledColumns = samplesIn(columns, width)
  const sampledRows = samplesIn(rows, height)
  let start = 0
  let set = false
  for (const length of runLengths(counts)) {
    const end = start + length
    if (length < 0 || end > rows * columns) throw new RangeError('the mask has too many pixels')
    if (set) {
      fillRun({ start, end, rows }, sampledColumns, sampledRows, (x, y) => {
        pixels[y * width + x] = 1
      })
    }
    start = end
    set = !set
  }
  if (start < rows * columns) throw new RangeError('the mask has too few pixels')
  return pixels
}

/** Calls `fill` for every sample that lies in a run down the columns. */
function fillRun(
  { start, end, rows }: { readonly start: number; readonly end: number; readonly rows: number },
  sampledColumns: readonly number[],
  sampledRows: readonly number[],
  fill: (x: number, y: number) => void,
): void {
  const firstColumn = Math.floor(start / rows)
  for (let x = firstAtLeast(sampledColumns, firstColumn); ; x++) {
    const column = sampledColumns[x]
    if (column === undefined || column * rows >= end) return
    const last = end - column * rows
    for (let y = firstAtLeast(sampledRows, start - column * rows); y < sampledRows.length; y++) {
      if ((sampledRows[y] ?? last) >= last) break
      fill(x, y)
    }
  }
}

/** The pixels, of `from` many, under the centres of `to` many. */
function samplesIn(from: number, to: number): number[] {
  return Array.from({ length: to }, (_, index) => Math.floor(((index + 0.5) * from) / to))
}

/** The index of the first of the values, which are sorted, that is not less than `least`. */
function firstAtLeast(values: readonly number[], least: number): number {
  let low = 0
  let high = values.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((values[middle] ?? least) < least) low = middle + 1
    else high = middle
  }
  return low
}

function paint(pixels: Uint8Array, mask: Uint8Array, colour: string, width: number): void {
  const [red, green, blue] = channelsOf(colour)
  for (let at = 0; at < mask.length; at++) {
    if (mask[at] !== 1) continue
    pixels[at * 4] = red
    pixels[at * 4 + 1] = green
    pixels[at * 4 + 2] = blue
    pixels[at * 4 + 3] = isEdge(mask, at, width) ? EDGE : INSIDE
  }
}

/** Whether a pixel two steps away is not set; those outside the picture count as set. */
function isEdge(mask: Uint8Array, at: number, width: number): boolean {
  const x = at % width
  return (
    (x >= 2 && mask[at - 2] === 0) ||
    (x < width - 2 && mask[at + 2] === 0) ||
    mask[at - 2 * width] === 0 ||
    mask[at + 2 * width] === 0
  )
}
