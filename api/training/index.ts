/** Training jobs: kept in run directories, carried by Bull, worked on by the worker. */
export { listCheckpoints, packCheckpoint } from './checkpoints.ts'
export { defaultTrainingLimits, type TrainingLimits } from './limits.ts'
export { readMetrics } from './metrics.ts'
export type * from './ports.ts'
export { Training, type TrainingOptions } from './training.ts'
