import { describe, expect, test } from '@jest/globals'
import {
  type Box,
  type Point,
  toCocoBox,
  toGeminiBox,
  toGeminiPoint,
  toMolmoPoint,
  toMolmoText,
  toPaliGemmaBox,
  toQwen25Box,
  toQwen25Frame,
  toQwen25Point,
  toQwenBox,
  toQwenPoint,
} from '../../../sdk/src/index.ts'

const image = { width: 200, height: 100 }
const box: Box = [20, 25, 130, 60]
const point: Point = [50, 80]

describe('Gemini', () => {
  test('has boxes in thousandths, y first', () => {
    expect(toGeminiBox(box, image)).toEqual([250, 100, 600, 650])
  })

  test('has points in thousandths, y first', () => {
    expect(toGeminiPoint(point, image)).toEqual([800, 250])
  })

  test('has nothing outside the image', () => {
    expect(toGeminiBox([-3, -3, 203, 103], image)).toEqual([0, 0, 1000, 1000])
  })
})

describe('Qwen3-VL', () => {
  test('has boxes in thousandths, x first', () => {
    expect(toQwenBox(box, image)).toEqual([100, 250, 650, 600])
  })

  test('has points in thousandths, x first', () => {
    expect(toQwenPoint(point, image)).toEqual([250, 800])
  })
})

describe('Qwen2.5-VL', () => {
  test.each([
    { what: 'to the nearest multiples of 28', of: [200, 100], frame: [196, 112] },
    { what: 'to the even one of two that are as near', of: [70, 42], frame: [56, 56] },
    { what: 'until it is small enough', of: [8000, 4000], frame: [5068, 2520] },
    { what: 'until it is large enough', of: [20, 10], frame: [84, 56] },
  ])('resizes $what', ({ of: [width = 0, height = 0], frame }) => {
    const { width: w, height: h } = toQwen25Frame({ width, height })

    expect([w, h]).toEqual(frame)
  })

  test('resizes to the limits of the caller', () => {
    expect(toQwen25Frame(image, { maxPixels: 2000 })).toEqual({ width: 56, height: 28 })
  })

  test('has places in pixels of that size', () => {
    expect(toQwen25Box(box, image)).toEqual([20, 28, 127, 67])
    expect(toQwen25Point(point, image)).toEqual([49, 90])
  })
})

describe('Molmo', () => {
  test('has points in percent', () => {
    expect(toMolmoPoint(point, image)).toEqual([25, 80])
    expect(toMolmoPoint([33.3, 1], image)).toEqual([16.7, 1])
  })

  test('writes a point', () => {
    expect(toMolmoText([point], image, 'cat')).toBe(
      '<point x="25.0" y="80.0" alt="cat">cat</point>',
    )
  })

  test('writes points from left to right', () => {
    expect(toMolmoText([[100, 50], point], image, 'cats')).toBe(
      '<points x1="25.0" y1="80.0" x2="50.0" y2="50.0" alt="cats">cats</points>',
    )
  })
})

describe('PaliGemma', () => {
  test('has boxes as tokens of 1023 steps, y first', () => {
    // 0.25, 0.1, 0.6 and 0.65 of 1023: 255.75, 102.3, 613.8 and 664.95.
    expect(toPaliGemmaBox(box, image)).toBe('<loc0256><loc0102><loc0614><loc0665>')
  })

  test('has the edges of the image as the first and the last step', () => {
    expect(toPaliGemmaBox([0, 0, 200, 100], image)).toBe('<loc0000><loc0000><loc1023><loc1023>')
  })
})

describe('COCO', () => {
  test('has boxes with their width and height', () => {
    expect(toCocoBox(box)).toEqual([20, 25, 110, 35])
  })
})
