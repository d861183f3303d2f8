/** What a screen reader says while something happens elsewhere on the page. */
import { find, make } from './elements.ts'

const region = find('#live', HTMLElement)

/** Says a sentence, in place of what was said before. */
export function say(sentence: string): void {
  region.replaceChildren(make('span', {}, sentence))
}

/** Says a word more. */
export function sayMore(word: string): void {
  region.append(make('span', {}, ` ${word}`))
}
