/** The form that starts a job. */
import type { Dataset, Model, TrainingJob, TrainingJobRequest } from '@pixelllm/sdk'
import { find, make, show } from '../page/elements.ts'
import { sentenceOf } from '../page/sentence.ts'
import { server } from '../server.ts'

const RECIPES: readonly (readonly [TrainingJobRequest['recipe'], string])[] = [
  ['ref', 'phrases: where is what they name'],
  ['trace', 'captions with the places of their words'],
  ['caption_pretrain', 'captions'],
  ['refseg', 'phrases with masks'],
  ['densecap', 'regions'],
  ['joint', 'captions, phrases and regions together'],
  ['joint_refseg', 'phrases with masks, after joint'],
]

const NUMBERS = [
  ['#steps', 'steps'],
  ['#batch-size', 'batch_size'],
  ['#learning-rate', 'optimiser.learning_rate'],
] as const

export class NewJob {
  readonly #recipe = find('#recipe', HTMLSelectElement)
  readonly #base = find('#base-model', HTMLSelectElement)
  readonly #name = find('#job-name', HTMLInputElement)
  readonly #start = find('#start', HTMLButtonElement)
  readonly #problem = find('#job-form-problem', HTMLElement)
  readonly #onStarted: (job: TrainingJob) => void
  #dataset: Dataset | undefined

  constructor(onStarted: (job: TrainingJob) => void) {
    this.#onStarted = onStarted
    const options = RECIPES.map(([name, about]) =>
      make('option', { value: name }, `${name}: ${about}`),
    )
    this.#recipe.replaceChildren(...options)
    find('#job-form', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault()
      void this.#submit()
    })
  }

  setDataset(dataset: Dataset | undefined): void {
    this.#dataset = dataset
    this.#start.disabled = dataset?.status !== 'ready'
  }

  setModels(models: readonly Model[]): void {
    const chosen = this.#base.value
    const options = models.map(({ id, default: isDefault }) =>
      make('option', { value: id, selected: chosen === '' ? isDefault : id === chosen }, id),
    )
    this.#base.replaceChildren(...options)
  }

  async #submit(): Promise<void> {
    const request = this.#request()
    if (request === undefined) return
    show(false, this.#problem)
    this.#start.disabled = true
    try {
      this.#onStarted(await server.trainingJobs.create(request))
    } catch (error) {
      this.#problem.textContent = sentenceOf(error)
      show(true, this.#problem)
    } finally {
      this.setDataset(this.#dataset)
    }
  }

  #request(): TrainingJobRequest | undefined {
    const recipe = RECIPES.find(([name]) => name === this.#recipe.value)?.[0]
    if (this.#dataset === undefined || recipe === undefined) return undefined
    const name = this.#name.value.trim()
    const numbers = NUMBERS.map(
      ([selector, hyperparameter]) =>
        [hyperparameter, find(selector, HTMLInputElement).valueAsNumber] as const,
    )
    return {
      recipe,
      dataset: this.#dataset.id,
      hyperparameters: Object.fromEntries(numbers.filter(([, value]) => !Number.isNaN(value))),
      seed: 0,
      metadata: {},
      ...(this.#base.value !== '' && { base_model: this.#base.value }),
      ...(name !== '' && { name }),
    }
  }
}
