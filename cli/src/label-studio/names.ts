import type { CaptionResult, Word } from '@pixelllm/sdk'
import { EVERYTHING } from './label-config.ts'

/** A noun phrase of a caption, with the place of the word in it that says what it is. */
export interface Name extends Pick<Word, 'box' | 'point' | 'score'> {
  readonly text: string
}

/** The noun phrases of a caption that end with a name, in the singular or the plural. */
export function namesIn({ words, phrases = [] }: CaptionResult, name: string): Name[] {
  return phrases.flatMap(({ text, start, end }) => {
    const head = words.findLast((word) => word.start >= start && word.end <= end)
    if (head === undefined || !(name === EVERYTHING || endsWithName(text, name))) return []
    return [{ text, box: head.box, point: head.point, score: head.score }]
  })
}

function endsWithName(text: string, name: string): boolean {
  const end = ` ${name.toLowerCase()}`
  const whole = ` ${text.toLowerCase()}`
  return whole.endsWith(end) || whole.endsWith(`${end}s`) || whole.endsWith(`${end}es`)
}
