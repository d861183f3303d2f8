/** Finds places for labels, so that they hide neither what they name nor each other. */
import { cheapestFreePlace } from './free-place.ts'
import {
  crosses,
  lengthOf,
  overlap,
  type Rectangle,
  type Size,
  sharedArea,
  shortestLine,
} from './rectangles.ts'

export interface Label extends Size {
  /** What it names: the square around a dot, or a box. */
  readonly anchor: Rectangle
}

export interface Ground {
  /** Labels have to lie in here. */
  readonly area: Rectangle
  /** Squares around the dots, which no label covers. */
  readonly dots: readonly Rectangle[]
  /** Between a label and what it names. */
  readonly gap: number
}

/** A leader line under another label costs as much as so many gaps of distance. */
const CROSSING_GAPS = 6
/** To lie above what it names, level with its left edge, is worth this part of the way there. */
const HABIT = 0.05
/** Rounds in which each label may move to where the others left room. */
const ROUNDS = 2

/**
 * The places of labels. None covers a dot. None covers what it names, or another label, where it
 * has a free place beside the others. Undefined for a label that does not fit between the dots.
 */
export function placeLabels(labels: readonly Label[], ground: Ground): (Rectangle | undefined)[] {
  const layout = new Layout(labels, ground)
  for (const index of crowdedFirst(labels)) layout.place(index)
  for (let round = 0; round < ROUNDS; round++) {
    for (const index of labels.keys()) layout.improve(index)
  }
  layout.settle()
  return layout.places
}

/** Whether a label covers another one. */
export function anyOverlap(places: readonly (Rectangle | undefined)[]): boolean {
  const there = places.filter((place) => place !== undefined)
  return there.some((place, index) => there.slice(index + 1).some((other) => overlap(place, other)))
}

class Layout {
  readonly places: (Rectangle | undefined)[]
  readonly #labels: readonly Label[]
  readonly #ground: Ground
  readonly #anchors: readonly Rectangle[]

  constructor(labels: readonly Label[], ground: Ground) {
    this.#labels = labels
    this.#ground = ground
    this.#anchors = labels.map(({ anchor }) => anchor)
    this.places = labels.map(() => undefined)
  }

  /** Gives a label the best place that there is. */
  place(index: number): void {
    const label = this.#labels[index]
    if (label === undefined) return
    this.places[index] =
      this.#near(index, label) ??
      this.#search(index, label, [label.anchor, ...this.#others(index)]) ??
      this.#search(index, label, this.#others(index)) ??
      this.#search(index, label, [])
  }

  /** Moves a label that covers nothing to a cheaper place where it covers nothing either. */
  improve(index: number): void {
    const label = this.#labels[index]
    const before = this.places[index]
    if (label === undefined || before === undefined) return
    // What covers something has no better place yet: `settle` looks for one when all have moved.
    if (this.#fault(index, before, label) > 0) return
    this.place(index)
    const after = this.places[index]
    const isBetter =
      after !== undefined &&
      this.#fault(index, after, label) === 0 &&
      this.#cost(index, after, label) < this.#cost(index, before, label)
    if (!isBetter) this.places[index] = before
  }

  /** Moves labels that cover something until none of them has a better place. */
  settle(): void {
    for (let moved = true; moved; ) {
      moved = false
      for (const [index, label] of this.#labels.entries()) {
        const before = this.places[index]
        const fault = before === undefined ? 3 : this.#fault(index, before, label)
        if (fault === 0) continue
        this.place(index)
        const after = this.places[index]
        if (after !== undefined && this.#fault(index, after, label) < fault) moved = true
        else this.places[index] = before
      }
    }
  }

  /** A place beside what it names that hides nothing else that is named. */
  #near(index: number, label: Label): Rectangle | undefined {
    return this.#search(index, label, [...this.#anchors, ...this.#others(index)], 2 * label.height)
  }

  #search(
    index: number,
    label: Label,
    obstacles: readonly Rectangle[],
    limit?: number,
  ): Rectangle | undefined {
    const { area, dots, gap } = this.#ground
    const others = this.#others(index)
    return cheapestFreePlace({
      size: label,
      area,
      anchor: label.anchor,
      gap,
      obstacles: [...dots, ...obstacles],
      distance: (place) => distance(place, label),
      extra: (place) => this.#hindrance(place, label, others),
      ...(limit !== undefined && { limit }),
    })
  }

  /** 0 for a place that covers nothing it must not, 1 for what the label names, 2 for a label. */
  #fault(index: number, place: Rectangle, { anchor }: Label): number {
    if (this.#others(index).some((other) => overlap(place, other))) return 2
    return overlap(place, anchor) ? 1 : 0
  }

  #cost(index: number, place: Rectangle, label: Label): number {
    return distance(place, label) + this.#hindrance(place, label, this.#others(index))
  }

  /** What it costs that other labels are in the way. */
  #hindrance(place: Rectangle, { anchor, height }: Label, others: readonly Rectangle[]): number {
    const line = shortestLine(place, anchor)
    let cost = 0
    for (const other of others) {
      cost += sharedArea(place, other) / height
      if (crosses(line, other)) cost += CROSSING_GAPS * this.#ground.gap
    }
    return cost
  }

  #others(index: number): Rectangle[] {
    return this.places.filter(
      (place, other): place is Rectangle => other !== index && place !== undefined,
    )
  }
}

/** How far a label is from what it names, and a little for not lying above it, level with its left edge. */
function distance(place: Rectangle, { anchor }: Label): number {
  const habit = Math.abs(place.left - anchor.left) + Math.abs(place.bottom - anchor.top)
  return lengthOf(shortestLine(place, anchor)) + HABIT * habit
}

/** The labels with the most others nearby come first: they have the least choice. */
function crowdedFirst(labels: readonly Label[]): number[] {
  const crowds = labels.map(
    ({ anchor, width, height }) =>
      labels.filter((other) => lengthOf(shortestLine(anchor, other.anchor)) < width + height)
        .length,
  )
  return [...labels.keys()].sort((a, b) => (crowds[b] ?? 0) - (crowds[a] ?? 0))
}
