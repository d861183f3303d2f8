import { describe, expect, test } from '@jest/globals'
import {
  type CaptionResult,
  type DenseCaptionResult,
  type Mask,
  placesOf,
  type SegmentResult,
  toCoco,
  toLabelStudio,
  toLabelStudioBox,
  toLabelStudioPoint,
} from '../../../sdk/src/index.ts'

const image = { id: `img_${'0'.repeat(32)}`, width: 11, height: 9 }
/** Five rows of seven pixels, from the third row and the fourth column on. */
const mask: Mask = { size: [9, 11], counts: 'm054000000000007' }

const segmented: SegmentResult = {
  phrase: 'the boat',
  box: [3, 2, 10, 7],
  mask,
  score: 0.75,
  mask_score: 0.5,
  image,
  model: 'tiny',
}

const dense: DenseCaptionResult = {
  regions: [
    { box: [0, 0, 5.5, 9], caption: 'a sea', score: 0.75 },
    { box: [3, 2, 10, 7], caption: 'a boat', score: 0.25, mask },
  ],
  image,
  model: 'tiny',
}

const captioned: CaptionResult = {
  caption: 'a boat',
  words: [
    { text: 'a', start: 0, end: 1, point: [1, 1], box: [0, 0, 2, 2], score: 0.5 },
    { text: 'boat', start: 2, end: 6, point: [2, 2], box: [1, 1, 3, 3], score: 0.5 },
  ],
  score: 0.5,
  image,
  model: 'tiny',
}

describe('the places of an answer', () => {
  test('are its phrase', () => {
    expect(placesOf(segmented)).toEqual([
      { label: 'the boat', box: [3, 2, 10, 7], score: 0.75, mask },
    ])
  })

  test('are its regions', () => {
    expect(placesOf(dense).map(({ label }) => label)).toEqual(['a sea', 'a boat'])
  })

  test('are the words of a caption', () => {
    expect(placesOf(captioned)).toEqual([
      { label: 'a', box: [0, 0, 2, 2], score: 0.5 },
      { label: 'boat', box: [1, 1, 3, 3], score: 0.5 },
    ])
  })

  test('are the phrases of a caption that has them', () => {
    const phrases = [{ text: 'a boat', start: 0, end: 6, box: [0, 0, 3, 3], score: 0.5 } as const]

    const places = placesOf({
      ...captioned,
      phrases: phrases.map((one) => ({ ...one, box: [0, 0, 3, 3] })),
    })

    expect(places).toEqual([{ label: 'a boat', box: [0, 0, 3, 3], score: 0.5 }])
  })
})

describe('COCO', () => {
  test('has the mask and its area', () => {
    expect(toCoco(segmented, { image_id: 7 })).toEqual([
      {
        id: 1,
        image_id: 7,
        category_id: 1,
        bbox: [3, 2, 7, 5],
        area: 35,
        iscrowd: 0,
        segmentation: mask,
        score: 0.75,
        caption: 'the boat',
      },
    ])
  })

  test('has the area of the box where there is no mask', () => {
    const [sea] = toCoco(dense, { image_id: 7 })

    expect(sea).toMatchObject({ bbox: [0, 0, 5.5, 9], area: 49.5 })
    expect(sea).not.toHaveProperty('segmentation')
  })

  test('has the ids and the categories of the caller', () => {
    const options = { image_id: 7, first_id: 40, category_id: (label: string) => label.length }

    const annotations = toCoco(dense, options)

    expect(annotations.map(({ id, category_id }) => [id, category_id])).toEqual([
      [40, 5],
      [41, 6],
    ])
  })
})

describe('Label Studio', () => {
  test('has boxes in percent', () => {
    const { model_version, score, result } = toLabelStudio(dense)

    expect({ model_version, score }).toEqual({ model_version: 'tiny', score: 0.5 })
    expect(result).toHaveLength(2)
    expect(result[0]).toEqual({
      id: 'box-1',
      type: 'rectanglelabels',
      from_name: 'box',
      to_name: 'image',
      original_width: 11,
      original_height: 9,
      image_rotation: 0,
      score: 0.75,
      meta: { text: ['a sea'] },
      value: { x: 0, y: 0, width: 50, height: 100, rotation: 0, rectanglelabels: ['a sea'] },
    })
  })

  test('has points in percent', () => {
    expect(toLabelStudioPoint([2.75, 9], image)).toEqual({ x: 25, y: 100, width: 0.5 })
  })

  test('has nothing beyond the image, not even by a rounding', () => {
    const [width, height] = [11, 9.3]

    const { x, y, ...size } = toLabelStudioBox([-0.1, 0, 11.2, 9.300001], { width, height })

    expect({ x, y, ...size }).toEqual({ x: 0, y: 0, width: 100, height: 100, rotation: 0 })
  })

  test('has the tags and the labels of the caller', () => {
    const { result } = toLabelStudio(segmented, { image: 'img', box: 'tag', label: () => 'Boat' })

    expect(result[0]).toMatchObject({
      from_name: 'tag',
      to_name: 'img',
      meta: { text: ['the boat'] },
      value: { rectanglelabels: ['Boat'] },
    })
  })

  test('has nothing to say of an answer without places', () => {
    expect(toLabelStudio({ ...dense, regions: [] })).toEqual({
      model_version: 'tiny',
      score: 0,
      result: [],
    })
  })

  test('writes a mask of two pixels, off and on', () => {
    // Bytes 8 = 2 pixels of 4; values of 8 bits, lengths of 3, 4, 8 and 16 bits; four times 0 and 255.
    const bits =
      '00000000000000000000000000001000' +
      '00111 0010 0011 0111 1111' +
      '1 00 011 00000000' +
      '1 00 011 11111111'

    expect(rleOf({ size: [1, 2], counts: '11' })).toEqual(bytesOf(bits))
  })

  // What Label Studio's own `mask2rle` makes of them.
  test.each([
    {
      what: 'a rectangle',
      mask,
      rle: '0000018c391bfe6300c37ff7c030dffdf00c37ff7c030dffdf00c37ff96c00',
    },
    {
      what: 'noise',
      mask: { size: [5, 7], counts: '3110001020O0N31M11O' } satisfies Mask,
      rle: '0000008c391bfc6016fff0d8047ff18047ff18047ff3805fffb6011ffe13009ffe7000',
    },
    {
      what: 'a run of more than 65536 bytes',
      mask: { size: [200, 300], counts: 'obj11' } satisfies Mask,
      rle: '0003a980391bffffff00ffffe01ffffc03d4bd8047fe',
    },
  ])('writes $what as Label Studio does', ({ mask, rle }) => {
    expect(Buffer.from(rleOf(mask)).toString('hex')).toBe(rle)
  })
})

function rleOf(mask: Mask): number[] {
  const { result } = toLabelStudio({ ...segmented, mask }, { mask: 'brush' })
  const value: { rle?: number[] } = { ...result[1]?.value }
  expect(result[1]).toMatchObject({ type: 'brushlabels', from_name: 'brush' })
  return value.rle ?? []
}

function bytesOf(bits: string): number[] {
  const all = bits.replaceAll(' ', '')
  const count = Math.ceil(all.length / 8)
  return Array.from({ length: count }, (_, index) =>
    Number.parseInt(all.slice(index * 8, index * 8 + 8).padEnd(8, '0'), 2),
  )
}
