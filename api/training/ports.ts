/** What training needs of the rest of the server, and no more. */
import type { DatasetId, DatasetStatus, ModelId } from '../../schemas/index.ts'

export interface TrainingDatasets {
  /** Undefined where there is no such dataset. */
  find(id: DatasetId): Promise<TrainingDataset | undefined>
}

export interface TrainingDataset {
  readonly status: DatasetStatus
  /** Where it lies, in the plain layout. */
  readonly folder: string
  /** Faults that validation found. */
  readonly error_count: number
}

export interface TrainingModels {
  /** The model that answers requests that name none; undefined until one is loaded. */
  default(): ModelId | undefined
  /** Undefined where there is no such model; throws `worker_unavailable` where that is not known yet. */
  find(id: ModelId): Promise<TrainingModel | undefined>
}

export interface TrainingModel {
  /** Of a trained model; null for the model of the settings. */
  readonly folder: string | null
}
