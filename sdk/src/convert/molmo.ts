import type { Point } from '../schema.ts'
import type { Size } from './scale.ts'

/**
 * A point as Molmo writes it: `[x, y]` in percent of the image's sides, to one decimal.
 *
 * @see https://github.com/allenai/molmo/blob/793fa387edfd6fd0f5b21eb8e0a7620a1f3799e1/olmo/data/data_formatter.py `points_to_text`
 */
export function toMolmoPoint([x, y]: Point, { width, height }: Size): Point {
  return [toTenth((x / width) * 100), toTenth((y / height) * 100)]
}

/**
 * Points as the text that Molmo writes, from left to right:
 * `<point x="63.5" y="44.0" alt="cat">cat</point>`, or `<points x1= y1= x2= ...>` for several.
 *
 * @see https://github.com/allenai/molmo/blob/793fa387edfd6fd0f5b21eb8e0a7620a1f3799e1/olmo/data/data_formatter.py `points_to_text`
 */
export function toMolmoText(points: readonly Point[], image: Size, label: string): string {
  const sorted = points
    .map((point) => toMolmoPoint(point, image))
    .sort(([x, y], [otherX, otherY]) => x - otherX || y - otherY)
  const number = (index: number): string => (sorted.length === 1 ? '' : `${index + 1}`)
  const places = sorted.map(([x, y], index) => {
    const n = number(index)
    return `x${n}="${x.toFixed(1)}" y${n}="${y.toFixed(1)}" `
  })
  const tag = sorted.length === 1 ? 'point' : 'points'
  return `<${tag} ${places.join('')}alt="${label}">${label}</${tag}>`
}

function toTenth(value: number): number {
  return Math.round(value * 10) / 10
}
