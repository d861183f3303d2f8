/** Between pixels of the picture and pixels of the page. */
import type { Box, Point } from '@pixelllm/sdk'

export interface Size {
  readonly width: number
  readonly height: number
}

/** A position of the page inside the picture; one outside goes to the nearest edge. */
export function toPicture([x, y]: Point, shown: Size, picture: Size): Point {
  return [
    roundWithin((x / shown.width) * picture.width, picture.width),
    roundWithin((y / shown.height) * picture.height, picture.height),
  ]
}

export function roundWithin(value: number, most: number): number {
  return Math.min(Math.max(Math.round(value), 0), most)
}

/** The box between two corners, whichever they are. */
export function boxBetween(a: Point, b: Point): Box {
  return [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[0], b[0]), Math.max(a[1], b[1])]
}

export function isInside([x, y]: Point, [left, top, right, bottom]: Box): boolean {
  return left <= x && x <= right && top <= y && y <= bottom
}
