import {
  ModelId,
  type TrainingJobId,
  type TrainingJobRecord,
  type TrainingJobRequest,
} from '../../schemas/index.ts'
import type { Workshop } from '../../worker-bridge/index.ts'
import { ApiError } from '../errors.ts'
import { invalidRequest } from '../validation.ts'
import type { IdempotencyKeys } from './idempotency.ts'
import { newJobId } from './job-id.ts'
import type { JobStore } from './job-store.ts'
import type { TrainingDataset, TrainingDatasets, TrainingModels } from './ports.ts'
import { invalidMessage } from './reconciler.ts'
import type { Run } from './run.ts'

/** Characters of a job's id in the name of its model. */
const ID_TAIL = 8

export interface CreatorOptions {
  readonly store: JobStore
  readonly keys: IdempotencyKeys
  readonly workshop: Workshop
  readonly datasets: TrainingDatasets
  readonly models: TrainingModels
  readonly check_ms: number
}

/** Turns requests into jobs, and equal requests with one key into one job. */
export class JobCreator {
  readonly #options: CreatorOptions

  constructor(options: CreatorOptions) {
    this.#options = options
  }

  /** The job that this key was used for already, if there is one. */
  async find(request: TrainingJobRequest, key: string | undefined): Promise<Run | undefined> {
    if (key === undefined) return undefined
    const id = await this.#options.keys.find(key, request)
    return id === undefined ? undefined : this.#options.store.find(id)
  }

  /** Checks everything that can be checked before, and makes the run. */
  async create(request: TrainingJobRequest, key: string | undefined): Promise<Run> {
    const { keys, store } = this.#options
    const base = await this.#base(request)
    const dataset = await this.#dataset(request)
    const steps = await this.#check(request, base.folder)

    const id = newJobId()
    const taken = key === undefined ? id : await keys.take(key, request, id)
    const validating = dataset.status === 'validating'
    return store.create(toRecord(request, taken, base.id, steps), {
      level: 'info',
      type: 'status',
      message: validating ? 'the dataset is being validated' : 'waits for its turn',
      data: { status: validating ? 'validating_files' : 'queued' },
    })
  }

  async #base({ base_model }: TrainingJobRequest): Promise<{ id: ModelId; folder: string | null }> {
    const { models } = this.#options
    const id = base_model ?? models.default()
    if (id === undefined) throw new ApiError('worker_unavailable', 'the model is being loaded')
    const found = await models.find(id)
    if (found !== undefined) return { id, folder: found.folder }
    throw new ApiError('model_not_found', `there is no model ${id}: GET /v1/models lists them`)
  }

  async #dataset({ dataset }: TrainingJobRequest): Promise<TrainingDataset> {
    const found = await this.#options.datasets.find(dataset)
    if (found === undefined) {
      throw new ApiError('dataset_not_found', `there is no dataset ${dataset}`)
    }
    if (found.status !== 'invalid') return found
    throw new ApiError('dataset_invalid', invalidMessage(dataset, found.error_count))
  }

  async #check(request: TrainingJobRequest, base_folder: string | null): Promise<number> {
    const { workshop, check_ms } = this.#options
    const { recipe, hyperparameters, seed } = request
    const plan = { recipe, base_folder, hyperparameters, seed }
    return (await workshop.check(plan, { timeout_ms: check_ms })).steps
  }
}

function toRecord(
  { name, recipe, dataset, hyperparameters, seed, metadata }: TrainingJobRequest,
  id: TrainingJobId,
  base_model: ModelId,
  steps: number,
): TrainingJobRecord {
  const model = ModelId.safeParse(`${base_model}-${name ?? 'ft'}-${id.slice(-ID_TAIL)}`).data
  if (model === undefined) {
    const message = 'with this name, the name of the model would be too long: choose a shorter one'
    throw invalidRequest([{ pointer: '/name', message }])
  }
  const created_at = new Date().toISOString()
  return {
    id,
    name: name ?? null,
    recipe,
    dataset,
    base_model,
    hyperparameters,
    seed,
    metadata,
    steps,
    model,
    created_at,
  }
}
