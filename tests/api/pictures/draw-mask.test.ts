import { expect, test } from '@jest/globals'
import sharp from 'sharp'
import { drawMask } from '../../../api/pictures/index.ts'
import { hashOf, knownMasks } from '../../helpers/masks.ts'

test.each(knownMasks)('draws $name in the places that pycocotools gives it', async (known) => {
  const file = await drawMask(known.mask)

  const [height, width] = known.mask.size
  expect(await sharp(file).metadata()).toMatchObject({ format: 'png', width, height, channels: 1 })
  const pixels = await sharp(file).extractChannel(0).raw().toBuffer()
  expect(hashOf(pixels.map((value) => value / 255))).toBe(known.sha256)
})

test('refuses a mask whose runs are not as many as its pixels', async () => {
  const broken = drawMask({ size: [4, 5], counts: 'e0' })

  await expect(broken).rejects.toThrow('the mask is broken')
})
