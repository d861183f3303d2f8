/** SVG elements as text. Whatever comes from outside goes through `escapeXml`. */

import { EM, GLYPHS } from './glyphs.ts'
import type { Line, Rectangle } from './rectangles.ts'
import { ASCENT, DESCENT, layOut, printable } from './text.ts'

type Attributes = Readonly<Record<string, string | number>>

export function element(name: string, attributes: Attributes, content = ''): string {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${write(value)}"`)
  const head = `<${name}${written.join('')}`
  return content === '' ? `${head}/>` : `${head}>${content}</${name}>`
}

export function escapeXml(text: string): string {
  return printable(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

export function rect({ left, top, right, bottom }: Rectangle, look: Attributes): string {
  return element('rect', { x: left, y: top, width: right - left, height: bottom - top, ...look })
}

export function line({ from, to }: Line, look: Attributes): string {
  return element('line', { x1: from[0], y1: from[1], x2: to[0], y2: to[1], ...look })
}

/** The outlines that a picture needs, each once. */
export class Outlines {
  readonly #used = new Set<string>()

  /** A line of text from x on; `top` is that of its letters. */
  text(text: string, x: number, top: number, size: number, fill: string): string {
    const baseline = top + ASCENT * size
    const drawn = layOut(text, size).pieces.map((piece) =>
      piece.hasOutline
        ? this.#outline(piece.text, x + piece.x, baseline, size)
        : element(
            'text',
            { x: x + piece.x, y: baseline, 'font-family': 'sans-serif', 'font-size': size },
            escapeXml(piece.text),
          ),
    )
    return element('g', { fill }, drawn.join(''))
  }

  definitions(): string {
    const paths = [...this.#used].map((character) =>
      element('path', { id: idOf(character), d: GLYPHS[character]?.[1] ?? '' }),
    )
    return element('defs', {}, paths.join(''))
  }

  #outline(character: string, x: number, y: number, size: number): string {
    if ((GLYPHS[character]?.[1] ?? '') === '') return ''
    this.#used.add(character)
    const transform = `translate(${write(x)} ${write(y)}) scale(${size / EM})`
    return element('use', { href: `#${idOf(character)}`, transform })
  }
}

/** The height of a line of text of this size. */
export function lineHeight(size: number): number {
  return (ASCENT + DESCENT) * size
}

function idOf(character: string): string {
  return `glyph-${character.codePointAt(0)?.toString(16)}`
}

function write(value: string | number): string {
  return typeof value === 'number' ? `${Math.round(value * 100) / 100}` : escapeXml(value)
}
