import type { Location, PixelLLM } from '@pixelllm/sdk'

export interface PictureOptions {
  /** The model to ask; absent, the default one. */
  readonly model?: string | undefined
  readonly signal: AbortSignal
}

/** The image of a task. Several tags may ask the same about it; the server is asked once. */
export class Picture {
  readonly #client: PixelLLM
  readonly #image: Blob
  readonly #options: { readonly model?: string; readonly signal: AbortSignal }

  constructor(client: PixelLLM, image: Blob, { model, signal }: PictureOptions) {
    this.#client = client
    this.#image = image
    this.#options = { signal, ...(model !== undefined && { model }) }
  }

  /** The sentence, and a box for each of its noun phrases. */
  readonly caption = once((ground: 'box') =>
    this.#client.caption(this.#image, { ...this.#options, ground }),
  )

  /** What there is, with or without masks. */
  readonly regions = once((masks: boolean) =>
    this.#client.denseCaption(this.#image, { ...this.#options, masks }),
  )

  readonly locate = once((phrase: string) =>
    this.#client.locate(this.#image, { ...this.#options, phrase }),
  )

  readonly segment = once((phrase: string) =>
    this.#client.segment(this.#image, { ...this.#options, phrase }),
  )

  /** A sentence about a place. */
  readonly describe = once((location: Location) =>
    this.#client.describe(this.#image, { ...this.#options, location }),
  )

  /** The same, and a mask for each of its noun phrases. */
  readonly describeWithMasks = once((location: Location) =>
    this.#client.describe(this.#image, { ...this.#options, location, ground: 'mask' }),
  )
}

/** The answer to a question, asked the first time only. */
function once<Question, Answer>(
  ask: (question: Question) => Promise<Answer>,
): (question: Question) => Promise<Answer> {
  const answers = new Map<string, Promise<Answer>>()
  return (question) => {
    const key = JSON.stringify(question)
    const answer = answers.get(key) ?? ask(question)
    answers.set(key, answer)
    return answer
  }
}
