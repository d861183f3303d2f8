/** Training jobs: kept in run directories, carried by Bull, worked on by the worker. */
export { listCheckpoints, packCheckpoint } from './checkpoints.ts'
export type { JobCounts, JobEnd } from './job-tally.ts'
export { defaultTrainingLimits, type TrainingLimits } from './limits.ts'
export { readMetrics } from './metrics.ts'
export type * from './ports.ts'
export { Training, type TrainingOptions } from './training.ts'
