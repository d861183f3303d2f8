import type { Client } from 'openapi-fetch'
import { ApiError } from './api-error.ts'
import { CaptionStream } from './caption-stream.ts'
import { Datasets } from './datasets.ts'
import { imageForm } from './form.ts'
import { Images } from './images.ts'
import { Models } from './models.ts'
import { type CallOptions, type PixelLLMOptions, withoutCallOptions } from './options.ts'
import type {
  CaptionResult,
  DenseCaptionResult,
  DescribeResult,
  Health,
  LocateResult,
  Problem,
  paths,
  SegmentResult,
} from './schema.ts'
import { TrainingJobs } from './training-jobs.ts'
import { Transport } from './transport.ts'
import type {
  CaptionOptions,
  DenseCaptionOptions,
  DescribeOptions,
  ImageSource,
  LocateOptions,
  SegmentOptions,
} from './types.ts'

/** How a server is; `problem` says why it is not ready. */
export type ServerHealth =
  | { readonly ready: true }
  | { readonly ready: false; readonly problem: Problem }

/**
 * A PixelLLM Server.
 *
 * A method throws an `ApiError` where the server answers with a problem, a `ConnectionError` where
 * it cannot be reached, and a `TimeoutError` where it falls silent.
 */
export class PixelLLM {
  readonly images: Images
  readonly models: Models
  readonly datasets: Datasets
  readonly trainingJobs: TrainingJobs
  readonly #transport: Transport

  constructor(options: PixelLLMOptions) {
    this.#transport = new Transport(options)
    this.images = new Images(this.#transport)
    this.models = new Models(this.#transport)
    this.datasets = new Datasets(this.#transport)
    this.trainingJobs = new TrainingJobs(this.#transport)
  }

  /** Every operation of the server, typed, for what the methods do not cover; nothing is retried. */
  get raw(): Client<paths> {
    return this.#transport.raw
  }

  /** A sentence about the whole image, and the place of every word of it. */
  async caption(image: ImageSource, options: CaptionOptions = {}): Promise<CaptionResult> {
    const body = bodyOf(image, options)
    return this.#transport.json(
      (raw, { signal }) => raw.POST('/v1/caption', { ...body, signal, parseAs: 'text' }),
      options,
    )
  }

  /** A sentence about what lies in a box or under a point. */
  async describe(image: ImageSource, options: DescribeOptions): Promise<DescribeResult> {
    const body = bodyOf(image, options)
    return this.#transport.json(
      (raw, { signal }) => raw.POST('/v1/describe', { ...body, signal, parseAs: 'text' }),
      options,
    )
  }

  /** The box of the object that a phrase refers to. */
  async locate(image: ImageSource, options: LocateOptions): Promise<LocateResult> {
    const body = bodyOf(image, options)
    return this.#transport.json(
      (raw, { signal }) => raw.POST('/v1/locate', { ...body, signal, parseAs: 'text' }),
      options,
    )
  }

  /** The box and the pixels of an object; `decodeMask` reads the mask. */
  async segment(image: ImageSource, options: SegmentOptions): Promise<SegmentResult> {
    const body = bodyOf(image, options)
    return this.#transport.json(
      (raw, { signal }) => raw.POST('/v1/segment', { ...body, signal, parseAs: 'text' }),
      options,
    )
  }

  /** What there is in the image: a box and a sentence each, the best one first. */
  async denseCaption(
    image: ImageSource,
    options: DenseCaptionOptions = {},
  ): Promise<DenseCaptionResult> {
    const body = bodyOf(image, options)
    return this.#transport.json(
      (raw, { signal }) => raw.POST('/v1/dense-caption', { ...body, signal, parseAs: 'text' }),
      options,
    )
  }

  /** The caption word by word. */
  streamCaption(image: ImageSource, options: CaptionOptions = {}): CaptionStream {
    const body = bodyOf(image, options)
    return new CaptionStream(() =>
      this.#transport.open(
        (raw, { signal }) =>
          raw.POST('/v1/caption', { ...body, headers: EVENTS, signal, parseAs: 'stream' }),
        options,
      ),
    )
  }

  /** The description word by word. */
  streamDescribe(image: ImageSource, options: DescribeOptions): CaptionStream {
    const body = bodyOf(image, options)
    return new CaptionStream(() =>
      this.#transport.open(
        (raw, { signal }) =>
          raw.POST('/v1/describe', { ...body, headers: EVENTS, signal, parseAs: 'stream' }),
        options,
      ),
    )
  }

  /** Whether a worker has its model and answers. Throws only where nobody answers at all. */
  async health(options: CallOptions = {}): Promise<ServerHealth> {
    try {
      await this.#transport.json<Health>(
        (raw, { signal }) => raw.GET('/readyz', { signal, parseAs: 'text' }),
        { retries: 0, ...options },
      )
      return { ready: true }
    } catch (error) {
      if (error instanceof ApiError) return { ready: false, problem: error.problem }
      throw error
    }
  }
}

const EVENTS = { accept: 'text/event-stream' }

/** The form of a request; it can be sent more than once. */
function bodyOf<Options extends CallOptions>(image: ImageSource, options: Options) {
  const fields = withoutCallOptions(options)
  const form = imageForm(image, fields)
  return { body: fields, bodySerializer: () => form }
}
