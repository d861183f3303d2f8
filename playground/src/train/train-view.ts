/** The view that trains a model: data, a job, and the job live. */
import { ApiError } from '@pixelllm/sdk'
import type { Models } from '../ask/models.ts'
import { find, show } from '../page/elements.ts'
import { sentenceOf } from '../page/sentence.ts'
import { Datasets } from './datasets.ts'
import { JobList } from './job-list.ts'
import { JobPanel } from './job-panel.ts'
import { NewJob } from './new-job.ts'

export class TrainView {
  readonly #panel: JobPanel
  readonly #list = new JobList((job) => this.#panel.follow(job))
  readonly #newJob = new NewJob((job) => this.#list.choose(job))
  readonly #datasets = new Datasets((dataset) => this.#newJob.setDataset(dataset))

  readonly #models: Models

  constructor(models: Models) {
    this.#models = models
    this.#panel = new JobPanel({
      onJob: (job) => this.#list.update(job),
      isActive: (model) => models.isActive(model),
      onActivated: (model) => models.refresh(model),
    })
  }

  /** Asks the server what there is, and says so where it does not train at all. */
  async open(): Promise<void> {
    const problem = find('#training-problem', HTMLElement)
    await this.#models.refresh()
    this.#newJob.setModels(this.#models.all)
    try {
      await this.#datasets.refresh()
      await this.#list.refresh()
      show(true, find('#training', HTMLElement))
      show(false, problem)
    } catch (error) {
      problem.textContent = whyNot(error)
      show(true, problem)
      show(false, find('#training', HTMLElement))
    }
  }
}

function whyNot(error: unknown): string {
  const isOff =
    error instanceof ApiError && (error.code === 'not_found' || error.code === 'method_not_allowed')
  return isOff ? 'This server does not train models: it has no routes for it.' : sentenceOf(error)
}
