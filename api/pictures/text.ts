/**
 * Text as outlines, so that it looks alike and takes the same room everywhere: a server may have no
 * fonts at all. Characters without an outline are left to the fonts of whoever shows the picture.
 */
import { EM, GLYPHS } from './glyphs.ts'

/** Above and below the baseline, in parts of the size. */
export const ASCENT = 0.93
export const DESCENT = 0.24
const ELLIPSIS = '…'

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })

/** A piece of text that is drawn in one way: one outline, or characters without any. */
export interface Piece {
  readonly text: string
  readonly hasOutline: boolean
  /** In pixels from the start of the text. */
  readonly x: number
}

export function measureText(text: string, size: number): number {
  return layOut(text, size).width
}

/** The pieces of a line of text, and how wide they are together. */
export function layOut(text: string, size: number): { pieces: Piece[]; width: number } {
  const pieces: Piece[] = []
  let x = 0
  for (const { segment } of graphemes.segment(printable(text))) {
    const last = pieces.at(-1)
    const advance = advanceOf(segment)
    if (advance !== undefined) pieces.push({ text: segment, hasOutline: true, x })
    else if (last === undefined || last.hasOutline) {
      pieces.push({ text: segment, hasOutline: false, x })
    } else pieces.splice(-1, 1, { ...last, text: last.text + segment })
    x += (advance ?? 1) * size
  }
  return { pieces, width: x }
}

/** How far a character goes on, in parts of the size; undefined where it has no outline. */
function advanceOf(character: string): number | undefined {
  const advance = Object.hasOwn(GLYPHS, character) ? GLYPHS[character]?.[0] : undefined
  return advance === undefined ? undefined : advance / EM
}

/** What XML cannot carry is shown as the replacement character, and every blank as a space. */
export function printable(text: string): string {
  return text.replaceAll(/\s/g, ' ').replaceAll(/[\p{Cc}\p{Cs}\ufffe\uffff]/gu, '\ufffd')
}

/** Lines that are no wider than `width`; of more than `lines`, the last one ends in an ellipsis. */
export function wrapText(text: string, size: number, width: number, lines: number): string[] {
  const wrapped = breakLines(text, size, width)
  if (wrapped.length <= lines) return wrapped
  const last = wrapped[lines - 1] ?? ''
  return [...wrapped.slice(0, lines - 1), shorten(`${last}${ELLIPSIS}`, size, width)]
}

function breakLines(text: string, size: number, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text
    .trim()
    .split(/\s+/)
    .flatMap((word) => breakWord(word, size, width))) {
    const longer = line === '' ? word : `${line} ${word}`
    if (measureText(longer, size) <= width) line = longer
    else {
      lines.push(line)
      line = word
    }
  }
  return [...lines, line]
}

/** A word that is wider than a line, in parts that are not. */
function breakWord(word: string, size: number, width: number): string[] {
  if (measureText(word, size) <= width) return [word]
  const parts: string[] = []
  let part = ''
  for (const { segment } of graphemes.segment(word)) {
    if (part !== '' && measureText(part + segment, size) > width) {
      parts.push(part)
      part = ''
    }
    part += segment
  }
  return [...parts, part]
}

/** The text without as many of the characters before its ellipsis as it is too wide. */
function shorten(text: string, size: number, width: number): string {
  const characters = Array.from(graphemes.segment(text), ({ segment }) => segment)
  while (characters.length > 2 && measureText(characters.join(''), size) > width) {
    characters.splice(-2, 1)
  }
  return characters.join('')
}
