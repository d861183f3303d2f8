/** The losses of a job over its steps, as a drawing that grows. */
import { colourOf } from '../ask/colours.ts'
import { find, make } from '../page/elements.ts'

const SVG = 'http://www.w3.org/2000/svg'
const HEIGHT = 240
const MARGIN = { left: 52, right: 12, top: 12, bottom: 28 }
const TICKS = 4
/** The sum of the others, drawn on top of them. */
const TOTAL = 'total'

export interface Report {
  readonly step: number
  readonly losses: Readonly<Record<string, number>>
}

interface Range {
  readonly first: number
  readonly last: number
}

/** What the drawing shows, and how wide it is in pixels of the page. */
interface Axes {
  readonly width: number
  readonly steps: Range
  readonly values: Range
}

export class Curve {
  readonly #element = find('#curve', HTMLElement)
  readonly #legend = find('#curve-legend', HTMLElement)
  #reports: Report[] = []
  #frame = 0

  constructor() {
    new ResizeObserver(() => this.#drawSoon()).observe(this.#element)
  }

  clear(): void {
    this.#reports = []
    this.#drawSoon()
  }

  /** A job that went on from a checkpoint reports its steps again. */
  add(report: Report): void {
    this.#reports = [...this.#reports.filter(({ step }) => step < report.step), report]
    this.#drawSoon()
  }

  #drawSoon(): void {
    cancelAnimationFrame(this.#frame)
    this.#frame = requestAnimationFrame(() => this.#draw())
  }

  #draw(): void {
    const names = namesIn(this.#reports)
    const values = this.#reports.flatMap(({ losses }) => Object.values(losses))
    const last = this.#reports.at(-1)
    if (last === undefined || values.length === 0) {
      this.#legend.replaceChildren()
      this.#element.replaceChildren(make('p', { class: 'quiet small' }, 'No report yet.'))
      return
    }
    const axes: Axes = {
      width: this.#element.clientWidth,
      steps: { first: 0, last: last.step },
      values: { first: Math.min(0, ...values), last: Math.max(...values) * 1.05 || 1 },
    }
    const svg = drawing('svg', { viewBox: `0 0 ${axes.width} ${HEIGHT}`, role: 'img' })
    const said = names.map((name) => `${name} ${format(last.losses[name] ?? 0)}`)
    svg.setAttribute('aria-label', `Losses up to step ${last.step}: ${said.join(', ')}`)
    svg.append(...gridOf(axes))
    for (const [index, name] of names.entries()) {
      svg.append(...lineOf(this.#reports, name, lineColour(name, index), axes))
    }
    this.#element.replaceChildren(svg)
    this.#legend.replaceChildren(...names.map((name, index) => keyOf(name, index, last)))
  }
}

/** The total last, so that it lies on top. */
function namesIn(reports: readonly Report[]): string[] {
  const names = [...new Set(reports.flatMap(({ losses }) => Object.keys(losses)))]
  return [...names.filter((name) => name !== TOTAL), ...names.filter((name) => name === TOTAL)]
}

function keyOf(name: string, index: number, { losses }: Report): HTMLElement {
  const key = make('span', { class: 'key' }, `${name} ${format(losses[name] ?? 0)}`)
  key.style.setProperty('--colour', lineColour(name, index))
  return key
}

function lineColour(name: string, index: number): string {
  return name === TOTAL ? 'var(--ink)' : colourOf(index)
}

function lineOf(
  reports: readonly Report[],
  name: string,
  colour: string,
  axes: Axes,
): SVGElement[] {
  const points = reports.flatMap(({ step, losses }) => {
    const value = losses[name]
    return value === undefined ? [] : [[across(step, axes), down(value, axes)] as const]
  })
  const [x = 0, y = 0] = points.at(-1) ?? []
  const line = drawing('polyline', {
    points: points.map((point) => point.join(',')).join(' '),
    class: name === TOTAL ? 'loss total' : 'loss',
  })
  const end = drawing('circle', { cx: String(x), cy: String(y), r: '4', class: 'loss-end' })
  for (const element of [line, end]) element.style.setProperty('--colour', colour)
  return [line, end]
}

function gridOf(axes: Axes): SVGElement[] {
  const right = String(axes.width - MARGIN.right)
  const parts = Array.from({ length: TICKS + 1 }, (_, i) => i / TICKS)
  return parts.flatMap((part) => {
    const value = between(axes.values, part)
    const step = between(axes.steps, part)
    const x = String(MARGIN.left + part * widthOf(axes))
    const y = String(down(value, axes))
    return [
      drawing('line', { x1: String(MARGIN.left), x2: right, y1: y, y2: y, class: 'grid' }),
      text(format(value), { x: String(MARGIN.left - 8), y, class: 'tick left' }),
      text(String(Math.round(step)), { x, y: String(HEIGHT - 8), class: 'tick' }),
    ]
  })
}

function between({ first, last }: Range, part: number): number {
  return first + part * (last - first)
}

function widthOf({ width }: Axes): number {
  return width - MARGIN.left - MARGIN.right
}

function across(step: number, axes: Axes): number {
  const { first, last } = axes.steps
  const part = last === first ? 0 : (step - first) / (last - first)
  return MARGIN.left + part * widthOf(axes)
}

function down(value: number, { values: { first, last } }: Axes): number {
  const part = (value - first) / (last - first || 1)
  return HEIGHT - MARGIN.bottom - part * (HEIGHT - MARGIN.top - MARGIN.bottom)
}

function format(value: number): string {
  return value === 0 ? '0' : value.toPrecision(3)
}

function text(content: string, attributes: Readonly<Record<string, string>>): SVGElement {
  const element = drawing('text', attributes)
  element.textContent = content
  return element
}

function drawing(tag: string, attributes: Readonly<Record<string, string>>): SVGElement {
  const element = document.createElementNS(SVG, tag)
  if (!(element instanceof SVGElement)) throw new TypeError(`SVG has no ${tag}`)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
  return element
}
