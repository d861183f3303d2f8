/** A caption as a row of words that can be pointed at. */
import type { Word } from '@pixelllm/sdk'
import { make } from '../page/elements.ts'
import { rove } from '../page/roving.ts'

export class Words {
  readonly #element: HTMLElement
  readonly #onLight: (index: number) => void
  #buttons: HTMLButtonElement[] = []
  /** The text behind each word: a space, until the whole caption is known. */
  #gaps: Text[] = []
  #placed: Word[] = []

  constructor(element: HTMLElement, onLight: (index: number) => void) {
    this.#element = element
    this.#onLight = onLight
    rove(element, 'button')
    element.addEventListener('pointerleave', () => onLight(-1))
    element.addEventListener('focusout', () => onLight(-1))
  }

  clear(): void {
    this.#buttons = []
    this.#gaps = []
    this.#placed = []
    this.#element.replaceChildren()
  }

  add(word: Word, colour: string): void {
    const index = this.#buttons.length
    const [x, y] = word.point
    const button = make(
      'button',
      {
        type: 'button',
        class: 'word',
        tabindex: index === 0 ? '0' : '-1',
        title: `at ${Math.round(x)}, ${Math.round(y)}, sure to ${percent(word.score)}`,
      },
      word.text,
    )
    button.style.setProperty('--colour', colour)
    button.addEventListener('pointerenter', () => this.#onLight(index))
    button.addEventListener('focus', () => this.#onLight(index))
    button.addEventListener('click', () => this.#onLight(index))
    const gap = document.createTextNode(' ')
    this.#buttons.push(button)
    this.#gaps.push(gap)
    this.#placed.push(word)
    this.#element.append(button, gap)
  }

  /** Puts what stands between the words in the caption where it belongs. */
  punctuate(caption: string): void {
    const letters = Array.from(caption) // words count code points
    for (const [index, gap] of this.#gaps.entries()) {
      const next = this.#placed[index + 1]
      gap.data = letters.slice(this.#placed[index]?.end, next?.start).join('')
    }
    const before = letters.slice(0, this.#placed[0]?.start).join('')
    if (before !== '') this.#element.prepend(before)
  }

  /** A text of which no word has a place. */
  write(text: string): void {
    this.clear()
    this.#element.append(text)
  }

  light(lit: number): void {
    for (const [index, button] of this.#buttons.entries()) {
      button.classList.toggle('lit', index === lit)
    }
  }
}

export function percent(score: number): string {
  return `${Math.round(score * 100)} %`
}
