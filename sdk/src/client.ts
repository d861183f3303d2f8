import createClient, { type Client } from 'openapi-fetch'
import { ApiError } from './api-error.ts'
import { readEvents } from './events.ts'
import { formOf } from './form.ts'
import type {
  CaptionResult,
  DenseCaptionResult,
  DescribeResult,
  Ground,
  LocateResult,
  Location,
  Model,
  ModelList,
  Problem,
  paths,
  SegmentResult,
  StoredImage,
  StreamedProblem,
  StreamedResult,
  StreamedWord,
} from './schema.ts'
import type { CaptionEvent, ImageSource } from './types.ts'

export interface PixelLLMOptions {
  /** Address of the server, for example http://127.0.0.1:8080. */
  readonly baseUrl: string
  /** @default globalThis.fetch */
  readonly fetch?: (request: Request) => Promise<Response>
}

interface Asked {
  readonly image: ImageSource
  /** @default the server's default model */
  readonly model?: string
  /** Aborting it stops the work on the server. */
  readonly signal?: AbortSignal
}

export interface CaptionAsked extends Asked {
  /** Text that the model reads before it writes. */
  readonly prefix?: string
  readonly max_tokens?: number
  /** @default 1 */
  readonly beams?: number
  /** Adds `phrases` to the answer: every noun phrase with its box, or with a mask too. */
  readonly ground?: Ground
}

export interface DescribeAsked extends CaptionAsked {
  readonly location: Location
}

export interface LocateAsked extends Asked {
  readonly phrase: string
}

export interface SegmentAsked extends Asked {
  readonly phrase: string
}

export interface DenseCaptionAsked extends Asked {
  /** @default 32 */
  readonly max_regions?: number
  /** @default 0.3 */
  readonly min_score?: number
  /** @default 0.5 */
  readonly nms_iou?: number
  /** Gives every word of a caption its place. @default false */
  readonly words?: boolean
  /** Gives every region a mask. @default false */
  readonly masks?: boolean
}

/** A reply whose text has not been read as JSON yet. */
interface TextReply {
  readonly data?: string | undefined
  readonly error?: Problem | undefined
  readonly response: Response
}

/** A PixelLLM Server. Every method throws an `ApiError` where the server answers with a problem. */
export class PixelLLM {
  /** Every operation of the server, typed, for what the methods below do not cover. */
  readonly raw: Client<paths>

  constructor({ baseUrl, fetch }: PixelLLMOptions) {
    this.raw = createClient<paths>({ baseUrl, ...(fetch && { fetch }) })
  }

  async caption(asked: CaptionAsked): Promise<CaptionResult> {
    return read(await this.raw.POST('/v1/caption', { ...upload(asked), parseAs: 'text' }))
  }

  async describe(asked: DescribeAsked): Promise<DescribeResult> {
    return read(await this.raw.POST('/v1/describe', { ...upload(asked), parseAs: 'text' }))
  }

  async locate(asked: LocateAsked): Promise<LocateResult> {
    return read(await this.raw.POST('/v1/locate', { ...upload(asked), parseAs: 'text' }))
  }

  /** The box and the pixels of an object; `decodeMask` reads the mask. */
  async segment(asked: SegmentAsked): Promise<SegmentResult> {
    return read(await this.raw.POST('/v1/segment', { ...upload(asked), parseAs: 'text' }))
  }

  async denseCaption(asked: DenseCaptionAsked): Promise<DenseCaptionResult> {
    return read(await this.raw.POST('/v1/dense-caption', { ...upload(asked), parseAs: 'text' }))
  }

  /** The caption word by word. Leaving the loop stops the work on the server. */
  async *captionStream(asked: CaptionAsked): AsyncGenerator<CaptionEvent, void> {
    yield* captionEvents(
      await this.raw.POST('/v1/caption', { ...upload(asked), headers: EVENTS, parseAs: 'stream' }),
    )
  }

  /** The description word by word. Leaving the loop stops the work on the server. */
  async *describeStream(asked: DescribeAsked): AsyncGenerator<CaptionEvent, void> {
    yield* captionEvents(
      await this.raw.POST('/v1/describe', { ...upload(asked), headers: EVENTS, parseAs: 'stream' }),
    )
  }

  /** Sends an image once; its id then stands for it. */
  async storeImage(image: Blob | Uint8Array<ArrayBuffer>): Promise<StoredImage> {
    return read(
      await this.raw.POST('/v1/images', {
        body: { image: '' },
        bodySerializer: () => formOf(image, {}),
        parseAs: 'text',
      }),
    )
  }

  async readImage(id: string): Promise<StoredImage> {
    return read(
      await this.raw.GET('/v1/images/{id}', { params: { path: { id } }, parseAs: 'text' }),
    )
  }

  async deleteImage(id: string): Promise<void> {
    const { error } = await this.raw.DELETE('/v1/images/{id}', { params: { path: { id } } })
    if (error !== undefined) throw new ApiError(error)
  }

  async models(): Promise<Model[]> {
    const list: ModelList = read(await this.raw.GET('/v1/models', { parseAs: 'text' }))
    return list.models
  }
}

const EVENTS = { accept: 'text/event-stream' }

/** The body and the signal of a request with an image. */
function upload<Options extends Asked>({ image, signal, ...body }: Options) {
  return { body, bodySerializer: () => formOf(image, body), ...(signal && { signal }) }
}

/** The server has checked what it sends against the same contract that `Result` comes from. */
function read<Result>({ data, error, response }: TextReply): Result {
  if (error !== undefined) throw new ApiError(error)
  if (data === undefined) throw new Error(`the server answered ${response.status} with no body`)
  return JSON.parse(data)
}

async function* captionEvents(reply: {
  readonly data?: ReadableStream<Uint8Array> | null | undefined
  readonly error?: Problem | undefined
}): AsyncGenerator<CaptionEvent, void> {
  if (reply.error !== undefined) throw new ApiError(reply.error)
  if (!reply.data) throw new Error('the server answered with no body')
  for await (const { event, data } of readEvents(reply.data)) {
    if (event === 'word') {
      const word: StreamedWord = JSON.parse(data)
      yield { type: 'word', ...word }
    } else if (event === 'done') {
      const { result }: StreamedResult = JSON.parse(data)
      yield { type: 'done', result }
    } else if (event === 'error') {
      const { problem }: StreamedProblem = JSON.parse(data)
      throw new ApiError(problem)
    }
  }
}
