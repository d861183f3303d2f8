export { ApiError } from './api-error.ts'
export {
  type CaptionAsked,
  type DenseCaptionAsked,
  type DescribeAsked,
  type LocateAsked,
  PixelLLM,
  type PixelLLMOptions,
  type SegmentAsked,
} from './client.ts'
export { decodeMask } from './decode-mask.ts'
export { type ErrorEntry, errors } from './errors.ts'
export type * from './schema.ts'
export type { CaptionEvent, ImageSource } from './types.ts'
