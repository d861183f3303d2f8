import { describe, expect, test } from '@jest/globals'
import { type Label, placeLabels } from '../../../api/pictures/place-labels.ts'
import {
  overlap,
  type Rectangle,
  rectangleAt,
  type Size,
} from '../../../api/pictures/rectangles.ts'

const LAYOUTS = 40

/** Numbers that look random and are the same in every run. */
function* numbers(seed: number): Generator<number, never> {
  let state = seed
  for (;;) {
    state = (state * 48_271) % 2_147_483_647
    yield state / 2_147_483_647
  }
}

interface Scene {
  readonly area: Rectangle
  readonly dots: readonly Rectangle[]
  readonly labels: readonly Label[]
}

/** Dots and boxes anywhere in a picture, from a few to far more than there is room for. */
function sceneOf(seed: number, crowd: number): Scene {
  const random = numbers(seed + 1)
  const next = (low: number, high: number): number =>
    Math.round(low + random.next().value * (high - low))
  const area = rectangleAt(0, 0, { width: next(120, 700), height: next(80, 500) })
  const spread = next(1, 4) / 4 // some scenes have everything in a corner
  const labels = Array.from({ length: next(1, crowd) }, () => {
    const size = { width: next(10, 110), height: next(10, 40) }
    const left = next(0, area.right * spread)
    const top = next(0, area.bottom * spread)
    const box = { width: next(20, area.right - left), height: next(20, area.bottom - top) }
    const isDot = next(0, 2) > 0
    return { ...size, isDot, anchor: rectangleAt(left - 4, top - 4, isDot ? dot : box) }
  })
  return { area, labels, dots: labels.filter(({ isDot }) => isDot).map(({ anchor }) => anchor) }
}

const dot: Size = { width: 8, height: 8 }

/** Looks at every whole pixel, without regard to how places are found. */
function hasFreePlace(size: Size, { area }: Scene, obstacles: readonly Rectangle[]): boolean {
  for (let top = area.top; top + size.height <= area.bottom; top++) {
    let left = area.left
    while (left + size.width <= area.right) {
      const place = rectangleAt(left, top, size)
      const hit = obstacles.find((obstacle) => overlap(place, obstacle))
      if (hit === undefined) return true
      left = Math.max(left + 1, Math.floor(hit.right))
    }
  }
  return false
}

function placed(scene: Scene): (Rectangle | undefined)[] {
  return placeLabels(scene.labels, { area: scene.area, dots: scene.dots, gap: 3 })
}

function others(places: readonly (Rectangle | undefined)[], index: number): Rectangle[] {
  return places.filter((place, other): place is Rectangle => place !== undefined && other !== index)
}

describe.each([
  ['a few labels', 8],
  ['many labels', 25],
])('in layouts of %s', (_, crowd) => {
  const scenes = Array.from({ length: LAYOUTS }, (_, seed) => {
    const scene = sceneOf(seed * 7919, crowd)
    return { ...scene, places: placed(scene) }
  })

  test('every label lies inside the picture and covers no dot', () => {
    for (const scene of scenes) {
      for (const place of scene.places.filter((place) => place !== undefined)) {
        expect(place.left).toBeGreaterThanOrEqual(scene.area.left)
        expect(place.top).toBeGreaterThanOrEqual(scene.area.top)
        expect(place.right).toBeLessThanOrEqual(scene.area.right)
        expect(place.bottom).toBeLessThanOrEqual(scene.area.bottom)
        expect(scene.dots.filter((dot) => overlap(dot, place))).toEqual([])
      }
    }
  })

  test('a label covers another, or what it names, only where it has no free place', () => {
    let crowded = 0
    for (const scene of scenes) {
      const { places } = scene
      for (const [index, place] of places.entries()) {
        const label = scene.labels[index]
        if (place === undefined || label === undefined) continue
        const taken = [...scene.dots, ...others(places, index)]
        const covers = taken.some((other) => overlap(place, other)) || overlap(place, label.anchor)
        if (!covers) continue
        crowded++
        expect(hasFreePlace(label, scene, [...taken, label.anchor])).toBe(false)
      }
    }
    // The scenes must be such that the rule has something to say.
    expect(crowded).toBeGreaterThan(0)
  })

  test('a label is left out only where it fits nowhere between the dots', () => {
    for (const scene of scenes) {
      for (const [index, place] of scene.places.entries()) {
        const label = scene.labels[index]
        if (place !== undefined || label === undefined) continue
        expect(hasFreePlace(label, scene, scene.dots)).toBe(false)
      }
    }
  })
})

test('a label lies right above what it names where nothing is in the way', () => {
  const anchor = { left: 100, top: 100, right: 150, bottom: 140 }

  const [place] = placeLabels([{ anchor, width: 40, height: 10 }], {
    area: { left: 0, top: 0, right: 300, bottom: 200 },
    dots: [],
    gap: 3,
  })

  expect(place).toEqual({ left: 100, top: 90, right: 140, bottom: 100 })
})

test('the name of a box that fills the picture lies inside it', () => {
  const area = { left: 0, top: 0, right: 300, bottom: 200 }

  const [place] = placeLabels([{ anchor: area, width: 40, height: 10 }], {
    area,
    dots: [],
    gap: 3,
  })

  expect(place).toBeDefined()
})

test('a label leaves the boxes of others free where there is room nearby', () => {
  const area = { left: 0, top: 0, right: 300, bottom: 200 }
  const above = { left: 100, top: 60, right: 180, bottom: 98 }
  const anchor = { left: 100, top: 100, right: 150, bottom: 140 }

  const [, place] = placeLabels(
    [
      { anchor: above, width: 20, height: 10 },
      { anchor, width: 30, height: 10 },
    ],
    { area, dots: [], gap: 3 },
  )

  expect(place && overlap(place, above)).toBe(false)
})
