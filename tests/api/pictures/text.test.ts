import { expect, test } from '@jest/globals'
import { layOut, measureText, printable, wrapText } from '../../../api/pictures/text.ts'

test('a text is as wide as its characters together', () => {
  expect(measureText('ab', 20)).toBeCloseTo(measureText('a', 20) + measureText('b', 20))
  expect(measureText('abc', 40)).toBeCloseTo(2 * measureText('abc', 20))
})

test('characters without an outline are kept together, in their order', () => {
  const { pieces } = layOut('a猫が b', 10)

  expect(pieces.map(({ text, hasOutline }) => [text, hasOutline])).toEqual([
    ['a', true],
    ['猫が', false],
    [' ', true],
    ['b', true],
  ])
})

test.each(['constructor', '__proto__', 'é̂', '👩‍👩‍👧', '\u202e', ''])(
  'measures %j, whatever it is',
  (text) => {
    expect(measureText(text, 10)).toBeGreaterThanOrEqual(0)
    expect(Number.isFinite(measureText(text, 10))).toBe(true)
  },
)

test('lines break between words and are no wider than asked', () => {
  const lines = wrapText('a small yellow cat on a wall', 10, 70, 9)

  expect(lines.length).toBeGreaterThan(1)
  expect(lines.join(' ')).toBe('a small yellow cat on a wall')
  for (const line of lines) expect(measureText(line, 10)).toBeLessThanOrEqual(70)
})

test('a word that is wider than a line is broken', () => {
  const lines = wrapText('x'.repeat(50), 10, 70, 99)

  expect(lines.join('')).toBe('x'.repeat(50))
  for (const line of lines) expect(measureText(line, 10)).toBeLessThanOrEqual(70)
})

test('what does not fit into the lines ends in an ellipsis', () => {
  const lines = wrapText('one two three four five six seven', 10, 60, 2)

  expect(lines).toHaveLength(2)
  expect(lines[1]).toMatch(/…$/)
  expect(measureText(lines[1] ?? '', 10)).toBeLessThanOrEqual(60)
})

test('what XML cannot carry is replaced', () => {
  expect(printable('a\u0000b\ud800c\ufffed\te\n')).toBe('a\ufffdb\ufffdc\ufffdd e ')
  expect(printable('🐱')).toBe('🐱')
})
