import type { Word } from '../schemas/index.ts'
import type { WorkerError } from './errors.ts'
import type { Answer } from './types.ts'

/**
 * One call inside one Python process.
 *
 * It has two ends. The caller's comes first: the answer, an error, or the caller's own abort.
 * Python's comes when it says `done` or `error`, refuses the call, or dies: only then has it
 * `landed`, and nothing in Python can still read the image.
 */
export class Flight {
  readonly answer: Promise<Answer>
  readonly landed: Promise<void>
  readonly #onWords: ((words: Word[]) => void) | undefined
  readonly #signal: AbortSignal
  #words_sent = false
  #resolve: (answer: Answer) => void = () => {}
  #reject: (error: unknown) => void = () => {}
  readonly #cancel: () => void
  #land: () => void = () => {}

  /** `cancel` is called when the caller gives up before Python is finished. */
  constructor(
    signal: AbortSignal,
    onWords: ((words: Word[]) => void) | undefined,
    cancel: () => void,
  ) {
    this.#signal = signal
    this.#onWords = onWords
    this.#cancel = cancel
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.landed = new Promise((resolve) => {
      this.#land = resolve
    })

    const abort = (): void => {
      this.#reject(signal.reason)
      cancel()
    }
    signal.addEventListener('abort', abort)
    void this.landed.then(() => signal.removeEventListener('abort', abort))
  }

  /** Whether the caller has seen a part of the answer, so that starting over would repeat it. */
  get words_sent(): boolean {
    return this.#words_sent
  }

  words(words: Word[]): void {
    if (this.#onWords === undefined || this.#signal.aborted) return
    this.#words_sent = true
    try {
      this.#onWords(words)
    } catch (error) {
      this.#reject(error)
      this.#cancel()
    }
  }

  done(answer: Answer): void {
    this.#resolve(answer)
    this.#land()
  }

  fail(error: WorkerError): void {
    this.#reject(error)
    this.#land()
  }
}
