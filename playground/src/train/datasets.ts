/** The datasets of the server: sending one, and what is in the chosen one. */
import type { Dataset, DatasetDetails, UploadProgress } from '@pixelllm/sdk'
import { percent } from '../ask/words.ts'
import { find, make, show } from '../page/elements.ts'
import { asSentence, sentenceOf } from '../page/sentence.ts'
import { server } from '../server.ts'

/** While the server validates a dataset it is asked again after this time. */
const AGAIN_MS = 800
/** Older ones cannot be chosen. */
const MOST_DATASETS = 50
/** More faults than this are not shown; there is a request for all of them. */
const MOST_ERRORS = 50
const LONGEST_NAME = 100

const COUNT_NAMES: Readonly<Record<string, string>> = {
  images: 'pictures',
  captions: 'captions',
  placed_captions: 'with places',
  phrases: 'phrases',
  masks: 'masks',
  regions: 'regions',
}

export class Datasets {
  readonly #select = find('#dataset', HTMLSelectElement)
  readonly #details = find('#dataset-details', HTMLElement)
  readonly #problem = find('#dataset-problem', HTMLElement)
  readonly #archive = find('#archive', HTMLInputElement)
  readonly #name = find('#dataset-name', HTMLInputElement)
  readonly #send = find('#send', HTMLButtonElement)
  readonly #sent = find('#sending', HTMLElement)
  readonly #progress = find('#send-progress', HTMLProgressElement)
  readonly #onChange: (dataset: Dataset | undefined) => void
  #timer: ReturnType<typeof setTimeout> | undefined
  #sending: AbortController | undefined

  constructor(onChange: (dataset: Dataset | undefined) => void) {
    this.#onChange = onChange
    this.#select.addEventListener('change', () => void this.#read())
    this.#archive.addEventListener('change', () => this.#named())
    find('#dataset-form', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault()
      void this.#sendArchive()
    })
    const stop = find('#send-stop', HTMLButtonElement)
    stop.addEventListener('click', () => this.#sending?.abort())
  }

  /** Throws where the server has no datasets at all. */
  async refresh(wanted = this.#select.value): Promise<void> {
    const datasets = await server.datasets.list({ limit: MOST_DATASETS }).first()
    const options = datasets.map(({ id, name }) => make('option', { value: id }, name ?? id))
    const none = make('option', { value: '', disabled: true, selected: true }, 'None yet')
    this.#select.replaceChildren(...(options.length > 0 ? options : [none]))
    if (datasets.some(({ id }) => id === wanted)) this.#select.value = wanted
    await this.#read()
  }

  #named(): void {
    const [file] = this.#archive.files ?? []
    find('#archive-name', HTMLElement).textContent = file?.name ?? 'Choose a tar, tar.gz or zip'
    this.#send.disabled = file === undefined
  }

  async #sendArchive(): Promise<void> {
    const [archive] = this.#archive.files ?? []
    if (archive === undefined) return
    this.#sending = new AbortController()
    const { signal } = this.#sending
    this.#setSending(true)
    try {
      const onProgress = ({ sent, total }: UploadProgress): void => this.#setShare(sent / total)
      const name = this.#name.value.trim() || archive.name.slice(0, LONGEST_NAME)
      const dataset = await server.datasets.upload(archive, { onProgress, signal, name })
      await this.refresh(dataset.id)
    } catch (error) {
      if (!signal.aborted) this.#fail(error)
    } finally {
      this.#setSending(false)
    }
  }

  #setSending(isSending: boolean): void {
    show(isSending, this.#sent)
    if (isSending) show(false, this.#problem)
    this.#setShare(0)
    this.#send.disabled = isSending
  }

  #setShare(share: number): void {
    this.#progress.value = share
    find('#send-share', HTMLElement).textContent =
      share < 1 ? percent(share) : 'sent, is being stored'
  }

  #fail(error: unknown): void {
    this.#problem.textContent = sentenceOf(error)
    show(true, this.#problem)
  }

  /** Shows the chosen one, and again until it is validated. */
  async #read(): Promise<void> {
    clearTimeout(this.#timer)
    const id = this.#select.value
    if (id === '') return this.#onChange(undefined)
    try {
      const dataset = await server.datasets.read(id)
      if (id !== this.#select.value) return
      this.#details.replaceChildren(...detailsOf(dataset))
      this.#onChange(dataset)
      if (dataset.status === 'validating')
        this.#timer = setTimeout(() => void this.#read(), AGAIN_MS)
    } catch (error) {
      if (id === this.#select.value) this.#fail(error)
    }
  }
}

function detailsOf(dataset: DatasetDetails): HTMLElement[] {
  const { status, counts, samples, errors, error_count } = dataset
  if (status === 'validating') return [make('p', { class: 'quiet' }, 'It is being validated.')]
  const parts: HTMLElement[] = []
  if (counts !== null) parts.push(countsOf(counts))
  if (errors.length > 0) parts.push(...errorsOf(errors, error_count))
  if (samples.length > 0) parts.push(samplesOf(samples))
  return parts
}

function countsOf(counts: NonNullable<Dataset['counts']>): HTMLElement {
  const entries = Object.entries(counts).map(([name, count]) =>
    make('div', {}, make('dd', {}, String(count)), make('dt', {}, COUNT_NAMES[name] ?? name)),
  )
  return make('dl', { class: 'counts' }, ...entries)
}

function errorsOf(errors: DatasetDetails['errors'], count: number): HTMLElement[] {
  const items = errors.slice(0, MOST_ERRORS).map(({ file, line, message }) => {
    const place = line === null ? file : `${file}, line ${line}`
    return make('li', {}, make('strong', {}, `${place}: `), asSentence(message))
  })
  const title = count === 1 ? 'One fault' : `${count} faults`
  return [
    make('p', { class: 'problem' }, `${title}: it cannot be trained on.`),
    make('ul', { class: 'faults small', 'aria-label': title }, ...items),
  ]
}

function samplesOf(samples: DatasetDetails['samples']): HTMLElement {
  const items = samples.map(({ image, captions, phrases, regions }) => {
    const said = [...captions, ...phrases, ...regions]
    return make('li', {}, make('strong', {}, image), ` ${said.slice(0, 3).join(' · ')}`)
  })
  return make('ul', { class: 'quiet small said', 'aria-label': 'Samples of the dataset' }, ...items)
}
