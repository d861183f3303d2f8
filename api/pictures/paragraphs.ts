/** The text below a picture. */
import type { Span } from './annotation.ts'
import { measureText } from './text.ts'

/** A piece of a line, and where it begins. */
export interface SetSpan extends Span {
  readonly x: number
  readonly width: number
}

/** The paragraphs in lines that are no wider than `width`. */
export function setParagraphs(
  paragraphs: readonly (readonly Span[])[],
  letters: number,
  width: number,
): SetSpan[][] {
  return paragraphs.flatMap((spans) => setLines(spans.flatMap(wordsOf), letters, width))
}

/** A span cut behind every blank. */
function wordsOf({ text, ...rest }: Span): Span[] {
  return (text.match(/\s+|\S+\s*/g) ?? []).map((word) => ({ text: word, ...rest }))
}

/** Lines break after blanks, and inside a word only where it is wider than a whole line. */
function setLines(words: readonly Span[], letters: number, width: number): SetSpan[][] {
  const lines: SetSpan[][] = [[]]
  let x = 0
  for (const [index, word] of words.entries()) {
    const wide = measureText(word.text, letters)
    const glued = words.slice(index).findIndex(({ text }) => /\s$/.test(text))
    const unit = words.slice(index, glued < 0 ? undefined : index + glued + 1)
    const needed = unit.reduce((sum, { text }) => sum + measureText(text.trimEnd(), letters), 0)
    const begins = index === 0 || /\s$/.test(words[index - 1]?.text ?? '')
    if (x > 0 && begins && x + needed > width) {
      lines.push([])
      x = 0
    }
    lines.at(-1)?.push({ ...word, x, width: wide })
    x += wide
  }
  return lines.filter((line) => line.length > 0)
}
