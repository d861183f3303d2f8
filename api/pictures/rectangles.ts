/** Upright rectangles in pixels of a picture, and lines between them. */

export interface Size {
  readonly width: number
  readonly height: number
}

export interface Rectangle {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

export interface Line {
  readonly from: readonly [x: number, y: number]
  readonly to: readonly [x: number, y: number]
}

export function rectangleAt(left: number, top: number, { width, height }: Size): Rectangle {
  return { left, top, right: left + width, bottom: top + height }
}

export function overlap(a: Rectangle, b: Rectangle): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
}

/** The area that two rectangles share. */
export function sharedArea(a: Rectangle, b: Rectangle): number {
  const width = Math.min(a.right, b.right) - Math.max(a.left, b.left)
  const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)
  return Math.max(0, width) * Math.max(0, height)
}

/** The shortest line between two rectangles; of no length where they overlap. */
export function shortestLine(a: Rectangle, b: Rectangle): Line {
  const [x1, x2] = nearest(a.left, a.right, b.left, b.right)
  const [y1, y2] = nearest(a.top, a.bottom, b.top, b.bottom)
  return { from: [x1, y1], to: [x2, y2] }
}

export function lengthOf({ from: [x1, y1], to: [x2, y2] }: Line): number {
  return Math.hypot(x2 - x1, y2 - y1)
}

/** Whether a line passes through a rectangle; touching it does not count. */
export function crosses({ from: [x1, y1], to: [x2, y2] }: Line, box: Rectangle): boolean {
  const [enterX, leaveX] = passage(x1, x2, box.left, box.right)
  const [enterY, leaveY] = passage(y1, y2, box.top, box.bottom)
  return Math.max(0, enterX, enterY) < Math.min(1, leaveX, leaveY)
}

/** The part of the way from `start` to `end` that lies between two bounds, from 0 to 1. */
function passage(start: number, end: number, low: number, high: number): [number, number] {
  if (start === end) {
    return start > low && start < high ? [-Infinity, Infinity] : [Infinity, -Infinity]
  }
  const a = (low - start) / (end - start)
  const b = (high - start) / (end - start)
  return a < b ? [a, b] : [b, a]
}

/** The two ends of the gap between two intervals; where there is none, one place in both. */
function nearest(aLow: number, aHigh: number, bLow: number, bHigh: number): [number, number] {
  if (aHigh < bLow) return [aHigh, bLow]
  if (bHigh < aLow) return [aLow, bHigh]
  const middle = (Math.max(aLow, bLow) + Math.min(aHigh, bHigh)) / 2
  return [middle, middle]
}
