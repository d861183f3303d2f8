import { describe, expect, test } from '@jest/globals'
import { boxBetween, toPicture } from '../../../playground/src/ask/frame.ts'
import { type Mark, markAt } from '../../../playground/src/ask/mark.ts'

function mark(box: Mark['box'], point?: Mark['point']): Mark {
  return { label: 'a', colour: 'red', box, since: 0, ...(point && { point }) }
}

describe('the mark at a position', () => {
  const marks = [mark([0, 0, 100, 100], [50, 50]), mark([40, 40, 90, 90], [60, 50])]

  test('is the one whose point is nearest', () => {
    expect(markAt(marks, [57, 50], 10)).toBe(1)
    expect(markAt(marks, [52, 50], 10)).toBe(0)
  })

  test('is the smallest box where no point is near', () => {
    expect(markAt(marks, [85, 85], 10)).toBe(1)
    expect(markAt(marks, [5, 5], 10)).toBe(0)
  })

  test('is none outside of all', () => {
    expect(markAt(marks, [200, 200], 10)).toBe(-1)
    expect(markAt([], [0, 0], 10)).toBe(-1)
  })

  test('is a box without a point', () => {
    expect(markAt([mark([0, 0, 4, 4])], [2, 2], 0)).toBe(0)
  })
})

test('a position on the page becomes a pixel of the picture, and stays inside', () => {
  const shown = { width: 100, height: 50 }
  const picture = { width: 400, height: 200 }

  expect(toPicture([25, 25], shown, picture)).toEqual([100, 100])
  expect(toPicture([-3, 60], shown, picture)).toEqual([0, 200])
})

test('a box lies between its corners, whichever comes first', () => {
  expect(boxBetween([9, 1], [3, 7])).toEqual([3, 1, 9, 7])
})
