/** A Python worker as one typed object. */
export { within } from './deadline.ts'
export { WorkerError } from './errors.ts'
export { defaultLimits, type Limits } from './limits.ts'
export { startWorkers, type WorkerPool, type WorkersOptions } from './pool.ts'
export type * from './types.ts'
