import { Extents } from '../../worker-bridge/extents.ts'

const PAGE = 4096

test('gives pieces that do not overlap, in whole pages', () => {
  const extents = new Extents(4 * PAGE)

  const pieces = [extents.take(1), extents.take(PAGE + 1), extents.take(PAGE)]

  expect(pieces).toEqual([
    { offset: 0, bytes: PAGE },
    { offset: PAGE, bytes: 2 * PAGE },
    { offset: 3 * PAGE, bytes: PAGE },
  ])
  expect(extents.take(1)).toBeUndefined()
})

test('joins a returned piece with the free ones on both sides', () => {
  const extents = new Extents(3 * PAGE)
  const pieces = [extents.take(PAGE), extents.take(PAGE), extents.take(PAGE)]

  for (const index of [0, 2, 1]) {
    const piece = pieces[index]
    if (piece !== undefined) extents.give(piece)
  }

  expect(extents.take(3 * PAGE)).toEqual({ offset: 0, bytes: 3 * PAGE })
})

test('refuses a piece that comes back twice', () => {
  const extents = new Extents(2 * PAGE)
  const piece = extents.take(PAGE)
  if (piece === undefined) throw new Error('no piece')
  extents.give(piece)

  expect(() => extents.give(piece)).toThrow(RangeError)
})

test('loses no byte in ten thousand random turns', () => {
  const bytes = 100 * PAGE
  const extents = new Extents(bytes)
  const taken: { offset: number; bytes: number }[] = []
  const random = pseudoRandom(7)

  for (let turn = 0; turn < 10_000; turn += 1) {
    const piece = random() < 0.6 ? extents.take(1 + random() * 9 * PAGE) : undefined
    if (piece !== undefined) {
      expect(taken.some((other) => overlap(piece, other))).toBe(false)
      taken.push(piece)
    } else {
      for (const returned of taken.splice(random() * taken.length, 1)) extents.give(returned)
    }
  }
  for (const piece of taken) extents.give(piece)

  expect(extents.take(bytes)).toEqual({ offset: 0, bytes })
})

function overlap(a: { offset: number; bytes: number }, b: { offset: number; bytes: number }) {
  return a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes
}

/** Numbers from 0 to 1, the same in every run (a linear congruential generator). */
function pseudoRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32
    return state / 2 ** 32
  }
}
