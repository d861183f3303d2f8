import { ApiError } from './api-error.ts'
import { readEvents } from './events.ts'
import { ConnectionError } from './failures.ts'
import type {
  CaptionResult,
  StreamedProblem,
  StreamedResult,
  StreamedWord,
  Word,
} from './schema.ts'
import type { OpenReply } from './transport.ts'

/**
 * The words of a caption as they are written; `result()` is the whole answer.
 *
 * The request is sent when the first word, or the result, is asked for. Leaving the loop stops the
 * work on the server.
 */
export class CaptionStream implements AsyncIterable<Word> {
  readonly #words: AsyncGenerator<Word, void>
  #result: CaptionResult | undefined

  constructor(open: () => Promise<OpenReply>) {
    this.#words = this.#read(open)
  }

  [Symbol.asyncIterator](): AsyncIterator<Word, void> {
    return this.#words
  }

  /** Waits for the end of the stream; words that nobody has read are skipped. */
  async result(): Promise<CaptionResult> {
    for await (const _ of this.#words);
    if (this.#result === undefined) throw new Error('the stream was left before its end')
    return this.#result
  }

  async *#read(open: () => Promise<OpenReply>): AsyncGenerator<Word, void> {
    for await (const { event, data } of readEvents(await open())) {
      if (event === 'word') {
        const { word }: StreamedWord = JSON.parse(data)
        yield word
      } else if (event === 'done') {
        const { result }: StreamedResult = JSON.parse(data)
        this.#result = result
        return
      } else if (event === 'error') {
        const { problem }: StreamedProblem = JSON.parse(data)
        throw new ApiError(problem)
      }
    }
    throw new ConnectionError('the connection ended before the caption did')
  }
}
