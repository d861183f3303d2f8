import type { Operation } from '../operation.ts'
import { tasks } from '../tasks/index.ts'
import { readContract, readReference } from './contract.ts'
import { createDataset, deleteDataset, listDatasets, readDataset } from './datasets.ts'
import { healthz, kserveLive, kserveReady, readMetrics, readyz } from './health.ts'
import { deleteImage, readImage, storeImage } from './images.ts'
import { activateModel, deactivateModel, deleteModel, listModels, readModel } from './models.ts'
import { taskOperation } from './tasks.ts'
import {
  cancelTrainingJob,
  createTrainingJob,
  downloadTrainingCheckpoint,
  listTrainingCheckpoints,
  listTrainingEvents,
  listTrainingJobs,
  listTrainingMetrics,
  pauseTrainingJob,
  readTrainingJob,
  resumeTrainingJob,
} from './training-jobs.ts'

export * from './contract.ts'
export * from './datasets.ts'
export * from './health.ts'
export * from './images.ts'
export * from './models.ts'
export * from './tasks.ts'
export * from './training-jobs.ts'

/** Every route of the API. */
export const operations: readonly Operation[] = [
  ...tasks.map(taskOperation),
  storeImage,
  readImage,
  deleteImage,
  createDataset,
  listDatasets,
  readDataset,
  deleteDataset,
  createTrainingJob,
  listTrainingJobs,
  readTrainingJob,
  cancelTrainingJob,
  pauseTrainingJob,
  resumeTrainingJob,
  listTrainingEvents,
  listTrainingMetrics,
  listTrainingCheckpoints,
  downloadTrainingCheckpoint,
  listModels,
  readModel,
  activateModel,
  deactivateModel,
  deleteModel,
  healthz,
  readyz,
  kserveLive,
  kserveReady,
  readMetrics,
  readContract,
  readReference,
]
