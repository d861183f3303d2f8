/** One question at a time: a new one ends the one before, and nothing of it comes later. */
import { ApiError, type CaptionStream } from '@pixelllm/sdk'
import { isCalm } from '../page/calm.ts'
import { server } from '../server.ts'
import type { Answer } from './answer.ts'
import type { Picture } from './pictures.ts'
import type { Asked, Question } from './question.ts'

/** Words come on the page no faster than this, so that an eye can follow. */
const WORD_MS = 55

export interface AskingOptions {
  readonly answer: Answer
  readonly onRunning: (isRunning: boolean) => void
}

export class Asking {
  readonly #options: AskingOptions
  #running: AbortController | undefined

  constructor(options: AskingOptions) {
    this.#options = options
  }

  /** Asks, and shows the answer unless another question came after it. Never throws. */
  async ask(question: Question, picture: Picture, model: string | undefined): Promise<void> {
    const { answer, onRunning } = this.#options
    this.#running?.abort()
    const running = new AbortController()
    this.#running = running
    answer.begin(question)
    onRunning(true)
    try {
      await this.#answer(question, picture, model, running.signal)
    } catch (error) {
      if (!running.signal.aborted) answer.fail(error)
    } finally {
      if (this.#running === running) {
        this.#running = undefined
        onRunning(false)
      }
    }
  }

  /** Ends the question that runs, on the server too. */
  stop(): void {
    if (this.#running === undefined) return
    this.forget()
    this.#options.answer.stop()
  }

  /** Ends it without a word. */
  forget(): void {
    this.#running?.abort()
    this.#running = undefined
    this.#options.onRunning(false)
  }

  async #answer(
    question: Question,
    picture: Picture,
    model: string | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const ask = (): Promise<void> =>
      this.#askOnce({ question, model, imageId: picture.stored.id }, signal)
    try {
      await ask()
    } catch (error) {
      if (signal.aborted || !(error instanceof ApiError)) throw error
      if (error.code !== 'image_not_found') throw error
      await picture.sendAgain()
      if (!signal.aborted) await ask()
    }
  }

  async #askOnce(asked: Asked, signal: AbortSignal): Promise<void> {
    const { answer } = this.#options
    const { question, model, imageId } = asked
    const image = { id: imageId }
    const shared = { signal, ...(model !== undefined && { model }) }
    const since = performance.now()
    const passed = (): number => performance.now() - since
    switch (question.task) {
      case 'caption':
        return this.#follow(asked, server.streamCaption(image, shared), signal)
      case 'describe': {
        const { location } = question
        return this.#follow(asked, server.streamDescribe(image, { ...shared, location }), signal)
      }
      case 'locate': {
        const result = await server.locate(image, { ...shared, phrase: question.phrase })
        if (!signal.aborted) answer.setFound(asked, result, passed())
        return
      }
      case 'segment': {
        const result = await server.segment(image, { ...shared, phrase: question.phrase })
        if (!signal.aborted) answer.setFound(asked, result, passed())
        return
      }
      case 'dense_caption': {
        const result = await server.denseCaption(image, { ...shared, words: question.words })
        if (!signal.aborted) answer.setRegions(asked, result, passed())
      }
    }
  }

  /** Shows words as they come; the time of the answer is the server's, not the page's. */
  async #follow(asked: Asked, stream: CaptionStream, signal: AbortSignal): Promise<void> {
    const { answer } = this.#options
    const since = performance.now()
    let shown: Promise<void> = Promise.resolve()
    for await (const word of stream) {
      shown = shown.then(async () => {
        if (signal.aborted) return
        answer.addWord(word)
        await pause(signal)
      })
    }
    const result = await stream.result()
    const ms = performance.now() - since
    await shown
    if (!signal.aborted) answer.endCaption(asked, result, ms)
  }
}

/** Ends early where nobody waits any more. */
function pause(signal: AbortSignal): Promise<void> {
  if (signal.aborted || isCalm()) return Promise.resolve()
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, WORD_MS)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
