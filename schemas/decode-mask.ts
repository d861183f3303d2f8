import type { Mask } from './geometry.ts'

/** A group of six bits is written as the character this far behind its value. */
const FIRST_CHARACTER = '0'.charCodeAt(0)
/** Bits of a number that a group carries; the sixth says that another group follows. */
const GROUP_BITS = 5
const MORE = 1 << GROUP_BITS
const SIGN = MORE >> 1
/** As many groups as one signed 32-bit integer takes whole. */
const MAX_GROUPS = 6

/**
 * The pixels of a mask row by row, `height * width` of them: 1 where it is set, 0 elsewhere.
 *
 * @throws RangeError where `counts` is no encoding of a mask of this size
 */
export function decodeMask(mask: Mask): Uint8Array<ArrayBuffer> {
  const [height, width] = mask.size
  const columns = decodeColumns(mask, 1)
  const rows = new Uint8Array(columns.length)
  for (let x = 0, at = 0; x < width; x++) {
    for (let y = 0; y < height; y++) rows[y * width + x] = columns[at++] ?? 0
  }
  return rows
}

/**
 * The same column by column, as COCO counts them, with a `value` of choice where it is set: much
 * the faster way for those who can turn pictures.
 *
 * @throws RangeError where `counts` is no encoding of a mask of this size
 */
export function decodeColumns(
  { size: [height, width], counts }: Mask,
  value: number,
): Uint8Array<ArrayBuffer> {
  const pixels = new Uint8Array(height * width)
  let start = 0
  let set = false
  for (const length of runLengths(counts)) {
    const end = start + length
    if (length < 0 || end > pixels.length) throw broken(`a run leaves ${height} x ${width} pixels`)
    if (set) pixels.fill(value, start, end)
    start = end
    set = !set
  }
  if (start < pixels.length) throw broken(`its runs end before ${height} x ${width} pixels do`)
  return pixels
}

/**
 * The lengths of the runs, off and on in turn.
 *
 * As in COCO's `rleFrString` each is a little-endian number in groups of five bits with a sign, and
 * from the fourth on it is how much longer the run is than the last one of the same kind.
 */
export function* runLengths(counts: string): Generator<number> {
  let sameKind = 0
  let otherKind = 0
  let run = 0
  for (let at = 0; at < counts.length; run++) {
    let length = 0
    let bits = 0
    let group: number
    do {
      group = counts.charCodeAt(at++) - FIRST_CHARACTER
      // Past the end of the text it is NaN, which is not in this range either.
      if (!(group >= 0 && group < 2 * MORE))
        throw broken('its text ends early or has a character that is none of its own')
      if (bits === MAX_GROUPS * GROUP_BITS) throw broken('a run is too long')
      length |= (group & (MORE - 1)) << bits
      bits += GROUP_BITS
    } while (group & MORE)
    if (group & SIGN) length |= -1 << bits
    if (run > 2) length += sameKind
    sameKind = otherKind
    otherKind = length
    yield length
  }
}

function broken(why: string): RangeError {
  return new RangeError(`the mask is broken: ${why}`)
}
