export { ApiError } from './api-error.ts'
export type { CaptionStream } from './caption-stream.ts'
export { PixelLLM, type ServerHealth } from './client.ts'
export * from './convert/index.ts'
export type { Datasets, ListOptions, UploadOptions } from './datasets.ts'
export { decodeMask } from './decode-mask.ts'
export { type ErrorEntry, errors } from './errors.ts'
export { ConnectionError, TimeoutError, UnexpectedReplyError } from './failures.ts'
export type { Images } from './images.ts'
export type { Listing } from './listing.ts'
export type { ActivateOptions, Models } from './models.ts'
export type { CallOptions, PixelLLMOptions } from './options.ts'
export type * from './schema.ts'
export {
  type CreateJobOptions,
  type FollowOptions,
  isFinal,
  type ListJobsOptions,
  type MetricsOptions,
  type PastEventsOptions,
  type TrainingJobAsked,
  type TrainingJobs,
} from './training-jobs.ts'
export type {
  CaptionOptions,
  DenseCaptionOptions,
  DescribeOptions,
  FileSource,
  ImageSource,
  LocateOptions,
  SegmentOptions,
} from './types.ts'
export type { OnProgress, UploadProgress } from './upload.ts'
