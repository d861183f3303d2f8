import { describe, expect, test } from '@jest/globals'
import { probeImage } from '../../api/probe.ts'
import { picture, pngBytes } from '../helpers/pictures.ts'

const limits = { max_image_bytes: 100_000, max_image_pixels: 200_000, max_image_side: 1000 }

/** The first bytes of a PNG that claims this size; the rest of it never comes. */
async function bomb(width: number, height: number): Promise<Buffer> {
  const png = await pngBytes()
  png.writeUInt32BE(width, 16)
  png.writeUInt32BE(height, 20)
  return png
}

describe('probeImage', () => {
  test('reads the size of JPEG, PNG and WebP', async () => {
    const files = [picture().jpeg(), picture().png(), picture().webp()]

    for (const file of files) {
      await expect(probeImage(await file.toBuffer(), limits)).resolves.toEqual({
        width: 40,
        height: 30,
      })
    }
  })

  test.each([1, 2, 3, 4])('keeps the sides of EXIF orientation %i', async (orientation) => {
    const bytes = await picture().withMetadata({ orientation }).jpeg().toBuffer()

    await expect(probeImage(bytes, limits)).resolves.toEqual({ width: 40, height: 30 })
  })

  test.each([5, 6, 7, 8])('swaps the sides of EXIF orientation %i', async (orientation) => {
    const bytes = await picture().withMetadata({ orientation }).jpeg().toBuffer()

    await expect(probeImage(bytes, limits)).resolves.toEqual({ width: 30, height: 40 })
  })

  test.each([
    ['nothing', Buffer.alloc(0), 'image_unsupported'],
    ['text', Buffer.from('hello'), 'image_unsupported'],
    ['SVG', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), 'image_unsupported'],
    [
      'the signature of a PNG alone',
      Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
      'image_unreadable',
    ],
    ['more bytes than allowed', Buffer.alloc(100_001), 'image_too_large'],
  ])('refuses %s', async (_, bytes, code) => {
    await expect(probeImage(bytes, limits)).rejects.toMatchObject({ code })
  })

  test('refuses formats that sharp could read', async () => {
    const files = [picture().gif(), picture().tiff(), picture().avif()]

    for (const file of files) {
      await expect(probeImage(await file.toBuffer(), limits)).rejects.toMatchObject({
        code: 'image_unsupported',
      })
    }
  })

  test('refuses an animation', async () => {
    const frames = [await pngBytes(), await picture().negate().png().toBuffer()]
    const { default: sharp } = await import('sharp')
    const bytes = await sharp(frames, { join: { animated: true } })
      .webp()
      .toBuffer()

    await expect(probeImage(bytes, limits)).rejects.toMatchObject({
      code: 'image_unsupported',
      message: 'the image is animated; send a still one',
    })
  })

  test.each([
    [7, 40, 'image_too_small', 'the image has 7 x 40 pixels; both sides must be at least 8'],
    [1001, 10, 'image_too_large', 'the image has 1001 x 10 pixels; a side may have 1000'],
    [500, 401, 'image_too_large', 'the image has 500 x 401 pixels; it may have 200000 in all'],
  ])('refuses %i x %i pixels without decoding them', async (width, height, code, message) => {
    await expect(probeImage(await bomb(width, height), limits)).rejects.toMatchObject({
      code,
      message,
    })
  })
})
