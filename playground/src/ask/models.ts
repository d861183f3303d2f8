/** Which model answers, and what it knows. */
import type { Model } from '@pixelllm/sdk'
import { find, make, show } from '../page/elements.ts'
import { asSentence, sentenceOf } from '../page/sentence.ts'
import { server } from '../server.ts'

/** A server that still loads its model is asked again after this time. */
const AGAIN_MS = 2000

const ABILITIES: Readonly<Record<string, string>> = {
  caption: 'captions pictures',
  describe: 'describes places',
  locate: 'locates phrases',
  segment: 'segments them',
  dense_caption: 'finds regions',
}

export class Models {
  readonly #select = find('#model', HTMLSelectElement)
  readonly #about = find('#model-about', HTMLElement)
  readonly #facts = find('#model-facts', HTMLElement)
  readonly #onChange: () => void
  #models: readonly Model[] = []

  constructor(onChange: () => void) {
    this.#onChange = onChange
    this.#select.addEventListener('change', () => this.#changed())
  }

  get all(): readonly Model[] {
    return this.#models
  }

  get chosen(): Model | undefined {
    return this.#models.find(({ id }) => id === this.#select.value)
  }

  isActive(model: string): boolean {
    return this.#models.some(({ id, status }) => id === model && status === 'active')
  }

  /** What a request has to name: nothing where the default model is chosen. */
  get named(): string | undefined {
    const { chosen } = this
    return chosen === undefined || chosen.default ? undefined : chosen.id
  }

  /** Asks the server, and chooses `wanted` where it is there. */
  async refresh(wanted = this.#select.value): Promise<void> {
    try {
      this.#models = await server.models.list()
      this.#fill(wanted)
      if (this.#models.length === 0) this.#wait('The model is being loaded.')
    } catch (error) {
      this.#wait(sentenceOf(error))
    }
  }

  #wait(sentence: string): void {
    this.#about.textContent = sentence
    setTimeout(() => void this.refresh(), AGAIN_MS)
  }

  #fill(wanted: string): void {
    const options = this.#models.map(({ id, status, default: isDefault }) => {
      const isActive = status === 'active'
      const label = isActive
        ? id
        : `${id} (${status === 'failed' ? 'cannot be loaded' : 'not active'})`
      return make('option', { value: id, disabled: !isActive, selected: isDefault }, label)
    })
    this.#select.replaceChildren(...options)
    const active = this.#models.filter(({ status }) => status === 'active')
    if (active.some(({ id }) => id === wanted)) this.#select.value = wanted
    this.#select.disabled = active.length < 2
    this.#changed()
  }

  #changed(): void {
    const { chosen } = this
    show(chosen !== undefined, this.#facts)
    if (chosen !== undefined) this.#describe(chosen)
    this.#onChange()
  }

  #describe(chosen: Model): void {
    this.#about.textContent = asSentence(chosen.description)
    const facts = [
      ['Can do', listOf(chosen.tasks.map((task) => ABILITIES[task] ?? task))],
      ['Size', `${shortNumber(chosen.parameters)} weights, ${chosen.dtype}, on ${chosen.device}`],
      ['Sees', `${chosen.frame_size} × ${chosen.frame_size} pixels`],
      ['Writes', `${chosen.max_tokens} tokens at most`],
      ...(chosen.base_model === null ? [] : [['Trained from', chosen.base_model]]),
    ]
    this.#facts.replaceChildren(
      ...facts.flatMap(([name = '', value = '']) => [make('dt', {}, name), make('dd', {}, value)]),
    )
  }
}

function listOf(names: readonly string[]): string {
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

function shortNumber(count: number): string {
  return new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 }).format(
    count,
  )
}
