import { describe, expect, test } from '@jest/globals'
import { Location, Mask, outsideImage } from '../../schemas/index.ts'

const size = { width: 100, height: 50 }

describe('Location', () => {
  test('takes a point and a box', () => {
    const point = { type: 'point', point: [1.5, 2] }
    const box = { type: 'box', box: [0, 0, 10, 10] }

    expect(Location.parse(point)).toEqual(point)
    expect(Location.parse(box)).toEqual(box)
  })

  test.each([
    ['an empty box', { type: 'box', box: [10, 0, 10, 10] }],
    ['a box inside out', { type: 'box', box: [10, 0, 5, 10] }],
    ['a box of three numbers', { type: 'box', box: [0, 0, 10] }],
    ['a number that is none', { type: 'point', point: [Number.NaN, 1] }],
    ['a number without end', { type: 'point', point: [Number.POSITIVE_INFINITY, 1] }],
    ['another type', { type: 'circle', point: [1, 1] }],
    ['a field too many', { type: 'point', point: [1, 1], box: [0, 0, 1, 1] }],
  ])('refuses %s', (_, location) => {
    expect(Location.safeParse(location).success).toBe(false)
  })
})

describe('Mask', () => {
  test('has the size of its image and the runs of COCO', () => {
    const mask = { size: [4, 5], counts: '5220003' }

    expect(Mask.parse(mask)).toEqual(mask)
  })

  test.each([
    ['a side of no pixels', { size: [0, 5], counts: '0' }],
    ['a fraction of a pixel', { size: [4.5, 5], counts: 'd0' }],
    ['a size with channels', { size: [4, 5, 1], counts: 'd0' }],
    ['no runs', { size: [4, 5], counts: '' }],
    ['runs that are not compressed', { size: [4, 5], counts: [20] }],
    ['bytes of another text', { size: [4, 5], counts: 'd0 p' }],
    ['a field too many', { size: [4, 5], counts: 'd0', area: 0 }],
  ])('refuses %s', (_, mask) => {
    expect(Mask.safeParse(mask).success).toBe(false)
  })
})

describe('outsideImage', () => {
  const inside: Location[] = [
    { type: 'point', point: [0, 0] },
    { type: 'point', point: [100, 50] },
    { type: 'box', box: [0, 0, 100, 50] },
  ]

  test.each(inside)('says nothing about %j', (location) => {
    expect(outsideImage(location, size)).toBeUndefined()
  })

  test('names the box and the size of the image', () => {
    const message = outsideImage({ type: 'box', box: [60, 10, 90, 51] }, size)

    expect(message).toBe(
      'the box [60, 10, 90, 51] reaches outside the image, which is 100 x 50 pixels',
    )
  })

  test('compares x with the width and y with the height', () => {
    expect(outsideImage({ type: 'point', point: [60, 10] }, size)).toBeUndefined()
    expect(outsideImage({ type: 'point', point: [10, 60] }, size)).toContain('outside')
    expect(outsideImage({ type: 'point', point: [-1, 10] }, size)).toContain('outside')
  })
})
