/** The regions of a picture as a list to step through. */
import type { Region } from '@pixelllm/sdk'
import { find, make, show } from '../page/elements.ts'
import { rove } from '../page/roving.ts'
import { colourOf } from './colours.ts'
import { percent } from './words.ts'

export class Regions {
  readonly #element = find('#regions', HTMLElement)
  readonly #list = find('#region-list', HTMLElement)
  readonly #position = find('#region-position', HTMLElement)
  readonly #onStep: (index: number) => void
  #buttons: HTMLButtonElement[] = []
  #current = 0

  constructor(onStep: (index: number) => void) {
    this.#onStep = onStep
    rove(this.#list, 'button')
    find('#region-previous', HTMLElement).addEventListener('click', () => this.#step(-1))
    find('#region-next', HTMLElement).addEventListener('click', () => this.#step(1))
  }

  hide(): void {
    show(false, this.#element)
  }

  setRegions(regions: readonly Region[]): void {
    this.#buttons = regions.map((region, index) => this.#button(region, index))
    this.#list.replaceChildren(...this.#buttons.map((button) => make('li', {}, button)))
    show(regions.length > 0, this.#element)
    this.#current = 0
  }

  /** Marks a region as the one that is looked at. */
  select(index: number): void {
    this.#current = index
    for (const [i, button] of this.#buttons.entries()) {
      button.setAttribute('aria-current', String(i === index))
      button.tabIndex = i === index ? 0 : -1
    }
    this.#position.textContent = `${index + 1} of ${this.#buttons.length}`
    // Not scrollIntoView, which would move the page too.
    const item = this.#buttons[index]?.parentElement
    if (item) this.#list.scrollTop = item.offsetTop - this.#list.clientHeight / 2
  }

  #step(by: number): void {
    const { length } = this.#buttons
    if (length > 0) this.#onStep((this.#current + by + length) % length)
  }

  #button({ caption, score }: Region, index: number): HTMLButtonElement {
    const button = make(
      'button',
      { type: 'button', class: 'region' },
      make('span', { class: 'region-number', 'aria-hidden': 'true' }, String(index + 1)),
      make('span', { class: 'region-caption' }, caption || '(no words)'),
      make('span', { class: 'region-score' }, percent(score)),
    )
    button.style.setProperty('--colour', colourOf(index))
    button.addEventListener('focus', () => this.#onStep(index))
    button.addEventListener('click', () => this.#onStep(index))
    return button
  }
}
