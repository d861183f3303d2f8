import { expect, test } from '@jest/globals'
import { decodeColumns, decodeMask, Mask } from '../../schemas/index.ts'
import { hashOf, knownMasks } from '../helpers/masks.ts'

const WRONG_TEXT = 'its text ends early or has a character that is none of its own'
const BROKEN: [what: string, counts: string, why: string][] = [
  ['no runs', '', 'its runs end before 4 x 5 pixels do'],
  ['runs that end early', '52', 'its runs end before 4 x 5 pixels do'],
  ['runs that end late', 'e0', 'a run leaves 4 x 5 pixels'],
  ['a negative run', '5O', 'a run leaves 4 x 5 pixels'],
  ['a difference that makes a run negative', '522K', 'a run leaves 4 x 5 pixels'],
  ['a number that goes on after the end', 'd', WRONG_TEXT],
  ['a number of 35 bits', 'PPPPPP0', 'a run is too long'],
  ['another character', '5 2', WRONG_TEXT],
  ['a character of two bytes', '5é', WRONG_TEXT],
]

test.each(knownMasks)('reads $name as pycocotools wrote it', ({ mask, sha256 }) => {
  expect(Mask.parse(mask)).toEqual(mask)
  expect(hashOf(decodeMask(mask))).toBe(sha256)
})

test('goes through the rows from the left', () => {
  const pixels = decodeMask({ size: [2, 3], counts: '132' })

  expect([...pixels]).toEqual([0, 1, 0, 1, 1, 0])
})

test('goes through the columns from the top, with the value that is asked for', () => {
  const pixels = decodeColumns({ size: [2, 3], counts: '132' }, 255)

  expect([...pixels]).toEqual([0, 255, 255, 255, 0, 0])
})

test.each(BROKEN)('refuses %s', (_, counts, why) => {
  expect(() => decodeMask({ size: [4, 5], counts })).toThrow(
    new RangeError(`the mask is broken: ${why}`),
  )
})
