import type { CallOptions } from './options.ts'
import type {
  CaptionRequest,
  DenseCaptionRequest,
  DescribeRequest,
  ImageId,
  LocateRequest,
  SegmentRequest,
} from './schema.ts'

/** A file: from an `<input>`, from memory, or with `openFile` of `@pixelllm/sdk/node` from disk. */
export type FileSource = Blob | Uint8Array

/** An image file (JPEG, PNG or WebP), or one that the server keeps. */
export type ImageSource = FileSource | ImageId | { readonly id: ImageId }

/** A request without its image; what has a default may be left out. */
type OptionsOf<Request, Defaulted extends keyof Request = never> = Omit<
  Request,
  'image' | Defaulted
> &
  Partial<Pick<Request, Defaulted>> &
  CallOptions

export type CaptionOptions = OptionsOf<CaptionRequest, 'beams'>
export type DescribeOptions = OptionsOf<DescribeRequest, 'beams'>
export type LocateOptions = OptionsOf<LocateRequest>
export type SegmentOptions = OptionsOf<SegmentRequest>
export type DenseCaptionOptions = OptionsOf<
  DenseCaptionRequest,
  'max_regions' | 'min_score' | 'nms_iou' | 'words' | 'masks'
>
