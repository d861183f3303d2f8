/** What was just done, as JSON, for a shell and for a program, to be copied. */
import { copy } from '../page/copy.ts'
import { find, make, show } from '../page/elements.ts'
import { say } from '../page/live.ts'
import { rove } from '../page/roving.ts'
import { address } from '../server.ts'
import { type Asked, curlOf, sdkOf } from './question.ts'

const names = ['json', 'curl', 'sdk'] as const
type Name = (typeof names)[number]

export class ByHand {
  readonly #element = find('#by-hand', HTMLElement)
  readonly #tabs = find('#by-hand-tabs', HTMLElement)
  readonly #texts: Record<Name, string> = { json: '', curl: '', sdk: '' }

  constructor() {
    rove(this.#tabs, '[role=tab]')
    for (const name of names) {
      const tab = tabOf(name)
      tab.addEventListener('click', () => this.#select(name))
      tab.addEventListener('focus', () => this.#select(name))
      const button = find(`#copy-${name}`, HTMLButtonElement)
      button.addEventListener('click', () => void this.#copy(name, button))
    }
  }

  hide(): void {
    show(false, this.#element)
  }

  setAnswer(asked: Asked, result: unknown): void {
    this.#texts.json = formatReply(result)
    this.#texts.curl = curlOf(asked, address)
    this.#texts.sdk = sdkOf(asked, address)
    for (const name of names) {
      find(`#text-${name}`, HTMLElement).replaceChildren(make('code', {}, this.#texts[name]))
    }
    show(true, this.#element)
  }

  #select(name: Name): void {
    for (const other of names) {
      const isChosen = other === name
      tabOf(other).setAttribute('aria-selected', String(isChosen))
      tabOf(other).tabIndex = isChosen ? 0 : -1
      show(isChosen, find(`#panel-${other}`, HTMLElement))
    }
  }

  async #copy(name: Name, button: HTMLButtonElement): Promise<void> {
    const isCopied = await copy(this.#texts[name])
    const said = isCopied ? 'Copied' : 'Not copied'
    button.textContent = said
    say(`${said}.`)
    button.addEventListener('blur', () => button.replaceChildren('Copy'), { once: true })
    button.addEventListener('pointerleave', () => button.replaceChildren('Copy'), { once: true })
  }
}

function tabOf(name: Name): HTMLElement {
  return find(`#tab-${name}`, HTMLElement)
}

/** JSON with each innermost object and each list of numbers on a line of its own. */
function formatReply(value: unknown): string {
  return JSON.stringify(value, undefined, 2)
    .replaceAll(/\[[^[\]{}"]*\]/g, (list) =>
      list.replaceAll(/\s+/g, ' ').replaceAll(/\[ | \]/g, (edge) => edge.trim()),
    )
    .replaceAll(/\{[^{}]*\}/g, (object) => object.replaceAll(/\s*\n\s*/g, ' '))
}
