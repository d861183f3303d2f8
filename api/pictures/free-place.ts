import { type Rectangle, rectangleAt, type Size } from './rectangles.ts'

export interface Search {
  /** Of what is to be placed. */
  readonly size: Size
  /** It has to lie in here. */
  readonly area: Rectangle
  /** It may touch these and not overlap them. */
  readonly obstacles: readonly Rectangle[]
  /** What it belongs to: the nearer, the better. */
  readonly anchor: Rectangle
  /** The least distance from the anchor that looks well. */
  readonly gap: number
  /** What a place costs by where it is: never less than its distance from the anchor along one axis. */
  readonly distance: (place: Rectangle) => number
  /** What it costs beyond that, which takes longer to find out. */
  readonly extra: (place: Rectangle) => number
  /** Places that cost as much or more are not wanted. */
  readonly limit?: number
}

/** How far around the anchor is looked first, in heights of what is to be placed. */
const FIRST_REACH = 4

/**
 * The cheapest of the places that touch something: the anchor, an obstacle or the area's edge.
 * Undefined only where there is no free place at all, since any free place can be moved to the left
 * until it touches an obstacle or the edge, and all heights are looked at there.
 */
export function cheapestFreePlace(search: Search): Rectangle | undefined {
  const { size, area, limit = Number.POSITIVE_INFINITY } = search
  if (size.width > area.right - area.left || size.height > area.bottom - area.top) return undefined
  const widest = Math.min(limit, area.right - area.left + area.bottom - area.top)
  for (let reach = FIRST_REACH * size.height; reach < widest; reach *= 4) {
    const place = cheapestWithin(reach, search)
    if (place !== undefined) return place
  }
  return cheapestWithin(limit, search)
}

/** The same among the places that cost less than `reach`, which are nearer than that. */
function cheapestWithin(reach: number, search: Search): Rectangle | undefined {
  const { size, anchor, distance, extra } = search
  const obstacles = within(reach, search).toSorted((a, b) => a.top - b.top)
  const nearby = { ...search, obstacles }
  let best: Rectangle | undefined
  let lowest = reach
  for (const left of leftEdges(nearby)) {
    // They come the nearest first, so no later one is cheaper.
    if (sideways(left, size, anchor) >= lowest) break
    for (const top of freeTops(left, nearby)) {
      const place = rectangleAt(left, top, size)
      const least = distance(place)
      const cost = least < lowest ? least + extra(place) : least
      if (cost >= lowest) continue
      lowest = cost
      best = place
    }
  }
  return best
}

/** The obstacles that a place nearer than `reach` can meet. */
function within(reach: number, { size, anchor, obstacles }: Search): Rectangle[] {
  const wide = reach + size.width
  const high = reach + size.height
  return obstacles.filter(
    ({ left, top, right, bottom }) =>
      right > anchor.left - wide &&
      left < anchor.right + wide &&
      bottom > anchor.top - high &&
      top < anchor.bottom + high,
  )
}

/** Where its left edge may lie, the nearest to the anchor first. */
function leftEdges({ size: { width }, area, obstacles, anchor, gap }: Search): number[] {
  const wanted = alongside(anchor.left, anchor.right, width, gap)
  const touching = obstacles.flatMap(({ left, right }) => [right, left - width])
  const inside = [...wanted, area.left, area.right - width, ...touching].filter(
    (left) => left >= area.left && left + width <= area.right,
  )
  return [...new Set(inside)].sort(
    (a, b) => sideways(a, { width }, anchor) - sideways(b, { width }, anchor),
  )
}

/** How far from the anchor a place with this left edge is at least. */
function sideways(left: number, { width }: Pick<Size, 'width'>, anchor: Rectangle): number {
  return Math.max(anchor.left - left - width, left - anchor.right, 0)
}

/** The free heights at this left edge that are nearest to the wanted ones; obstacles come sorted. */
function freeTops(left: number, { size, area, obstacles, anchor, gap }: Search): number[] {
  const last = area.bottom - size.height
  const blocked = blockedTops(left, size, obstacles)
  const found: number[] = []
  for (const wanted of alongside(anchor.top, anchor.bottom, size.height, gap)) {
    const start = Math.min(Math.max(wanted, area.top), last)
    const hit = blocked.find(({ low, high }) => low < start && start < high)
    if (hit === undefined) found.push(start)
    else {
      if (hit.high <= last) found.push(hit.high)
      if (hit.low >= area.top) found.push(hit.low)
    }
  }
  return found
}

/** Behind, before, level with either end of, and in the middle of an interval. */
function alongside(low: number, high: number, length: number, gap: number): number[] {
  return [low - gap - length, high + gap, low, high - length, (low + high - length) / 2]
}

interface Interval {
  readonly low: number
  readonly high: number
}

/** Between which heights an obstacle is in the way, with no two intervals that overlap. */
function blockedTops(left: number, size: Size, obstacles: readonly Rectangle[]): Interval[] {
  const right = left + size.width
  const blocked: Interval[] = []
  let low = Number.NaN
  let high = Number.NEGATIVE_INFINITY
  for (const obstacle of obstacles) {
    if (obstacle.left >= right || left >= obstacle.right) continue
    const begin = obstacle.top - size.height
    if (begin < high) high = Math.max(high, obstacle.bottom)
    else {
      if (high > low) blocked.push({ low, high })
      low = begin
      high = obstacle.bottom
    }
  }
  if (high > low) blocked.push({ low, high })
  return blocked
}
