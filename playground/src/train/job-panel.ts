/** One job, live: how far it is, its losses, what happened, and what can be done with it. */
import { isFinal, type TrainingEvent, type TrainingJob } from '@pixelllm/sdk'
import { find, make, show } from '../page/elements.ts'
import { asSentence, sentenceOf } from '../page/sentence.ts'
import { server } from '../server.ts'
import { Curve, type Report } from './curve.ts'
import { Following } from './follow.ts'
import { nameOf, STATUS_NAMES } from './status.ts'

/** The page keeps no more events than this. */
const MOST_EVENTS = 500

export interface JobPanelOptions {
  readonly onJob: (job: TrainingJob) => void
  /** Whether a model can be asked already. */
  readonly isActive: (model: string) => boolean
  readonly onActivated: (model: string) => Promise<void>
}

export class JobPanel {
  readonly #options: JobPanelOptions
  readonly #events = find('#events', HTMLElement)
  readonly #problem = find('#job-problem', HTMLElement)
  readonly #curve = new Curve()
  #job: TrainingJob | undefined
  #following: Following | undefined
  #isReading = false
  #isStale = false

  constructor(options: JobPanelOptions) {
    this.#options = options
    for (const change of ['pause', 'resume', 'cancel'] as const) {
      find(`#${change}`, HTMLElement).addEventListener('click', () => void this.#change(change))
    }
    find('#activate', HTMLElement).addEventListener('click', () => void this.#activate())
  }

  follow(job: TrainingJob): void {
    this.#following?.close()
    this.#curve.clear()
    this.#events.replaceChildren()
    show(false, this.#problem)
    show(true, find('#job', HTMLElement))
    this.#setJob(job)
    const connection = find('#connection', HTMLElement)
    let hasEnded = false
    this.#following = new Following(job.id, {
      onEvent: (event) => {
        hasEnded ||= endsJob(event)
        this.#take(event)
      },
      onConnection: (isOpen) => {
        connection.textContent =
          isOpen || hasEnded ? '' : 'The connection broke, and is made again.'
      },
      hasEnded: () => hasEnded,
    })
  }

  #take(event: TrainingEvent): void {
    const report = event.type === 'metrics' ? reportOf(event) : undefined
    if (report !== undefined) this.#curve.add(report)
    const isAtEnd =
      this.#events.scrollTop + this.#events.clientHeight >= this.#events.scrollHeight - 8
    this.#events.append(lineOf(event))
    if (this.#events.childElementCount > MOST_EVENTS) this.#events.firstElementChild?.remove()
    if (isAtEnd) this.#events.scrollTop = this.#events.scrollHeight
    void this.#read()
  }

  /** One request at a time, and one more where something happened meanwhile. */
  async #read(): Promise<void> {
    this.#isStale = true
    if (this.#isReading) return
    this.#isReading = true
    try {
      while (this.#isStale && this.#job !== undefined) {
        this.#isStale = false
        const { id } = this.#job
        const job = await server.trainingJobs.read(id)
        if (id === this.#job?.id) this.#setJob(job)
      }
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#isReading = false
    }
  }

  #setJob(job: TrainingJob): void {
    this.#job = job
    const { status, progress, requested, error, model } = job
    find('#job-title', HTMLElement).textContent = nameOf(job)
    const badge = find('#job-status', HTMLElement)
    badge.dataset.status = status
    const asked = requested === null ? '' : `, will ${requested}`
    badge.textContent = `${STATUS_NAMES[status]}${asked}`
    find('#job-about', HTMLElement).textContent = `${job.recipe}, from ${job.base_model}`
    const bar = find('#job-progress', HTMLProgressElement)
    bar.value = progress === null ? 0 : progress.step / progress.steps
    find('#job-pace', HTMLElement).textContent = paceOf(job)
    if (error !== null) this.#fail(new Error(error.message))
    const canStop = requested === null && !isFinal(job)
    show(canStop && (status === 'running' || status === 'queued'), find('#pause', HTMLElement))
    show(status === 'paused', find('#resume', HTMLElement))
    show(canStop, find('#cancel', HTMLElement))
    this.#offerModel(model)
    this.#options.onJob(job)
  }

  #offerModel(model: string | null): void {
    const button = find('#activate', HTMLButtonElement)
    const isActive = model !== null && this.#options.isActive(model)
    button.disabled = isActive
    button.textContent = isActive ? `${model} is active` : 'Activate the model'
    show(model !== null, button)
  }

  async #change(change: 'pause' | 'resume' | 'cancel'): Promise<void> {
    await this.#try(async ({ id }) => this.#setJob(await server.trainingJobs[change](id)))
  }

  async #activate(): Promise<void> {
    await this.#try(async ({ model }) => {
      if (model === null) return
      const { id } = await server.models.activate(model)
      await this.#options.onActivated(id)
      if (this.#job !== undefined) this.#setJob(this.#job)
    })
  }

  async #try(act: (job: TrainingJob) => Promise<void>): Promise<void> {
    if (this.#job === undefined) return
    show(false, this.#problem)
    try {
      await act(this.#job)
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    this.#problem.textContent = sentenceOf(error)
    show(true, this.#problem)
  }
}

function endsJob({ type, data }: TrainingEvent): boolean {
  const ends: readonly unknown[] = ['succeeded', 'failed', 'cancelled']
  return type === 'status' && ends.includes(data.status)
}

/** What an event says for programs is checked nowhere else. */
function reportOf({ data: { step, losses } }: TrainingEvent): Report | undefined {
  if (typeof step !== 'number' || typeof losses !== 'object' || losses === null) return undefined
  const numbers = Object.entries(losses).filter(([, value]) => typeof value === 'number')
  return { step, losses: Object.fromEntries(numbers) }
}

function lineOf({ at, message, level }: TrainingEvent): HTMLElement {
  const time = make('time', { datetime: at }, new Date(at).toLocaleTimeString())
  return make('p', { 'data-level': level }, time, ` ${asSentence(message)}`)
}

function paceOf({ progress }: TrainingJob): string {
  if (progress === null) return ''
  const { step, steps, images_per_s, remaining_s } = progress
  const pace = images_per_s === null ? '' : `, ${images_per_s.toFixed(1)} pictures a second`
  const rest = remaining_s === null || step >= steps ? '' : `, ${timeOf(remaining_s)} left`
  return `Step ${step} of ${steps}${pace}${rest}`
}

function timeOf(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`
}
