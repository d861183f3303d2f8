/** The pixels of Label Studio's `rle`, row by row: 1 where all four bytes of a pixel are set. */
export function decodeLabelStudioRle(rle: readonly number[]): Uint8Array {
  const bits = rle.map((byte) => byte.toString(2).padStart(8, '0')).join('')
  let at = 0
  const read = (size: number): number => {
    at += size
    return Number.parseInt(bits.slice(at - size, at), 2)
  }
  const bytes = new Uint8Array(read(32))
  const valueBits = read(5) + 1
  const lengthBits = [0, 1, 2, 3].map(() => read(4) + 1)
  for (let index = 0; index < bytes.length; ) {
    const isRun = read(1) === 1
    const end = index + read(lengthBits[read(2)] ?? 0) + 1
    if (isRun) bytes.fill(read(valueBits), index, end)
    else for (let one = index; one < end; one++) bytes[one] = read(valueBits)
    index = end
  }
  return Uint8Array.from({ length: bytes.length / 4 }, (_, pixel) =>
    bytes.subarray(4 * pixel, 4 * pixel + 4).every((byte) => byte === 255) ? 1 : 0,
  )
}
