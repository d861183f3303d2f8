/** The jobs of the server, the newest first. */
import type { TrainingJob } from '@pixelllm/sdk'
import { find, make, show } from '../page/elements.ts'
import { server } from '../server.ts'
import { nameOf, STATUS_NAMES } from './status.ts'

/** Older ones are not shown. */
const MOST_JOBS = 50

export class JobList {
  readonly #element = find('#jobs', HTMLElement)
  readonly #onChoose: (job: TrainingJob) => void
  #jobs: readonly TrainingJob[] = []
  #chosen: string | undefined

  constructor(onChoose: (job: TrainingJob) => void) {
    this.#onChoose = onChoose
  }

  /** Throws where the server has no jobs at all. */
  async refresh(): Promise<void> {
    this.#jobs = await server.trainingJobs.list({ limit: MOST_JOBS }).first()
    this.#show()
    const [newest] = this.#jobs
    if (this.#chosen === undefined && newest !== undefined) this.choose(newest)
  }

  choose(job: TrainingJob): void {
    this.#chosen = job.id
    this.update(job)
    this.#onChoose(job)
  }

  /** Takes in what is known of a job now. */
  update(job: TrainingJob): void {
    const isKnown = this.#jobs.some(({ id }) => id === job.id)
    this.#jobs = isKnown
      ? this.#jobs.map((known) => (known.id === job.id ? job : known))
      : [job, ...this.#jobs]
    this.#show()
  }

  #show(): void {
    show(this.#jobs.length === 0, find('#no-jobs', HTMLElement))
    // The focus stays on its button although that is made anew.
    const focused = this.#element.querySelector(':focus')?.getAttribute('data-job')
    const buttons = this.#jobs.map((job) => this.#button(job))
    this.#element.replaceChildren(...buttons.map((button) => make('li', {}, button)))
    buttons.find((button) => button.dataset.job === focused)?.focus()
  }

  #button(job: TrainingJob): HTMLButtonElement {
    const button = make(
      'button',
      { type: 'button', class: 'job', 'data-job': job.id },
      make('span', { class: 'job-name' }, nameOf(job)),
      make('span', { class: 'status', 'data-status': job.status }, STATUS_NAMES[job.status]),
    )
    button.setAttribute('aria-current', String(job.id === this.#chosen))
    button.addEventListener('click', () => this.choose(job))
    return button
  }
}
