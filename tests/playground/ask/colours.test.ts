import { expect, test } from '@jest/globals'
import { colourOf, WordColours } from '../../../playground/src/ask/colours.ts'
import type { Box } from '../../../sdk/src/index.ts'

test('gives words at one place one colour, and words elsewhere another', () => {
  const colours = new WordColours()

  const boat = colours.next([0, 0, 10, 10])
  const sea = colours.next([50, 0, 90, 10])
  const again = colours.next([0, 1, 10, 11])

  expect(again).toBe(boat)
  expect(sea).not.toBe(boat)
})

test('does not change a colour when more words come', () => {
  const boxes: Box[] = [
    [0, 0, 10, 10],
    [20, 0, 30, 10],
    [40, 0, 50, 10],
  ]

  const few = new WordColours()
  const many = new WordColours()

  expect(boxes.slice(0, 2).map((box) => few.next(box))).toEqual(
    boxes.map((box) => many.next(box)).slice(0, 2),
  )
})

test('gives a place of no size a colour', () => {
  expect(new WordColours().next([5, 5, 5, 5])).toBe(colourOf(0))
})

test('has a colour of its own for each of many', () => {
  const colours = Array.from({ length: 100 }, (_, index) => colourOf(index))

  expect(new Set(colours).size).toBe(100)
})
