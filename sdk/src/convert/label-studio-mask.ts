import { decodeMask } from '../decode-mask.ts'
import type { Mask } from '../schema.ts'

/** The picture behind it has red, green, blue and alpha, all the same here. */
const CHANNELS = 4
const SET = 255
const VALUE_BITS = 8
/** How many bits the length of a run may have; each run says by an index which it takes. */
const LENGTH_BITS = [3, 4, 8, 16] as const
const LONGEST_RUN = 2 ** 16

/**
 * A mask as Label Studio's `rle` of brushes: a bit stream of runs over the picture's bytes.
 *
 * Head: 32 bits for the number of bytes, 5 for the size of a value less one, and four times 4 for the
 * sizes of lengths less one. A run: a bit that says that it is one, 2 bits for the size of its length,
 * its length less one, its value. A single value has no such first bit and its length is 0.
 *
 * @see https://github.com/HumanSignal/label-studio-sdk/blob/97fcff19fa5a010022188ad61d426b5093a4142f/src/label_studio_sdk/converter/brush.py `mask2rle`
 */
export function toLabelStudioRle(mask: Mask): number[] {
  const pixels = decodeMask(mask)
  const bits = new BitWriter()
  bits.write(pixels.length * CHANNELS, 32)
  bits.write(VALUE_BITS - 1, 5)
  for (const size of LENGTH_BITS) bits.write(size - 1, 4)
  for (const { value, length } of runsOf(pixels)) writeRun(bits, value * SET, length * CHANNELS)
  return bits.bytes
}

function* runsOf(pixels: Uint8Array): Generator<{ value: number; length: number }> {
  let start = 0
  for (let at = 1; at <= pixels.length; at++) {
    if (at < pixels.length && pixels[at] === pixels[start]) continue
    yield { value: pixels[start] ?? 0, length: at - start }
    start = at
  }
}

/** A run is never of one byte alone: a pixel has four. */
function writeRun(bits: BitWriter, value: number, length: number): void {
  for (let left = length; left > 0; left -= LONGEST_RUN) {
    const run = Math.min(left, LONGEST_RUN)
    const index = LENGTH_BITS.findIndex((size) => run <= 2 ** size)
    bits.write(1, 1)
    bits.write(index, 2)
    bits.write(run - 1, LENGTH_BITS[index] ?? 0)
    bits.write(value, VALUE_BITS)
  }
}

/** Bits, the highest first, in bytes; the last one is filled up with zeros. */
class BitWriter {
  readonly bytes: number[] = []
  #free = 0

  write(value: number, size: number): void {
    for (let bit = size - 1; bit >= 0; bit--) {
      if (this.#free === 0) {
        this.bytes.push(0)
        this.#free = 8
      }
      this.#free--
      const last = this.bytes.length - 1
      // A division and not a shift: the number of bytes may need all 32 bits.
      const set = Math.floor(value / 2 ** bit) % 2
      this.bytes[last] = (this.bytes[last] ?? 0) | (set << this.#free)
    }
  }
}
