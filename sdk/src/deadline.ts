import { TimeoutError } from './failures.ts'

/** One wait. Its signal is aborted when the caller's is, or when nothing has moved for `timeoutMs`. */
export class Deadline {
  readonly #stop = new AbortController()
  readonly #timeoutMs: number
  readonly #caller: AbortSignal | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #isOver = false

  constructor(timeoutMs: number, caller?: AbortSignal) {
    this.#timeoutMs = timeoutMs
    this.#caller = caller
    if (caller?.aborted) this.#onAbort()
    // Not AbortSignal.any: it would hang on a signal that lives as long as the program.
    else caller?.addEventListener('abort', this.#onAbort)
    this.extend()
  }

  get signal(): AbortSignal {
    return this.#stop.signal
  }

  /** Something moved: the time begins again. Where the wait is over, that is of no interest. */
  extend(): void {
    clearTimeout(this.#timer)
    if (this.#isOver) return
    if (this.#timeoutMs === Number.POSITIVE_INFINITY || this.signal.aborted) return
    this.#timer = setTimeout(this.#onTimeout, this.#timeoutMs)
  }

  /** Nobody waits for the server: the time stands still until `extend`. */
  pause(): void {
    clearTimeout(this.#timer)
  }

  /** The wait is over. May be called twice. */
  clear(): void {
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#caller?.removeEventListener('abort', this.#onAbort)
  }

  readonly #onAbort = (): void => {
    this.clear()
    this.#stop.abort(this.#caller?.reason)
  }

  readonly #onTimeout = (): void => {
    this.clear()
    this.#stop.abort(new TimeoutError(`nothing came from the server for ${this.#timeoutMs} ms`))
  }
}
