import { describe, expect, test } from '@jest/globals'
import sharp from 'sharp'
import { drawMasks, sampleMask } from '../../../api/pictures/mask-layer.ts'
import { decodeMask } from '../../../schemas/index.ts'
import { mask } from '../../helpers/fake-worker.ts'
import { hashOf, knownMasks } from '../../helpers/masks.ts'

describe.each(knownMasks)('the sample of $name', ({ mask, sha256 }) => {
  const [height, width] = mask.size

  test('at its own size is the mask', () => {
    expect(hashOf(sampleMask(mask, { width, height }))).toBe(sha256)
  })

  test.each([
    [7, 5],
    [64, 3],
    [1, 1],
  ])('at %d x %d has the pixels under the centres', (columns, rows) => {
    const pixels = decodeMask(mask)
    const wanted = Array.from({ length: rows * columns }, (_, index) => {
      const x = Math.floor((((index % columns) + 0.5) * width) / columns)
      const y = Math.floor(((Math.floor(index / columns) + 0.5) * height) / rows)
      return pixels[y * width + x]
    })

    expect([...sampleMask(mask, { width: columns, height: rows })]).toEqual(wanted)
  })
})

test.each([
  ['too few', 'd0'],
  ['too many', 'd78f0000000000000000000000000000000000\\f0ooo0'],
])('a mask of %s pixels is refused', (_, counts) => {
  expect(() => sampleMask({ size: [30, 40], counts }, { width: 4, height: 3 })).toThrow(RangeError)
})

test('a mask is see-through inside, solid at its edge, and nothing outside', async () => {
  const file = await drawMasks([{ mask, colour: '#0072B2' }], { width: 40, height: 30 })

  const pixels = await sharp(file).raw().toBuffer()
  const at = (x: number, y: number): number[] => [
    ...pixels.subarray((y * 40 + x) * 4).subarray(0, 4),
  ]
  expect(at(12, 8)).toEqual([0x00, 0x72, 0xb2, 110])
  expect(at(8, 4)).toEqual([0x00, 0x72, 0xb2, 255])
  expect(at(20, 20)).toEqual([0, 0, 0, 0])
})
