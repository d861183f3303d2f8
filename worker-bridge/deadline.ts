import { WorkerError } from './errors.ts'

/** The longest wait that a timer of Node takes. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** When a call must have its answer, and whether its caller still wants one. */
export class Deadline {
  /** Aborts with a `WorkerError` that says why: `deadline_exceeded`, `cancelled` or another. */
  readonly signal: AbortSignal
  readonly #controller = new AbortController()
  readonly #caller: AbortSignal
  readonly #timer: NodeJS.Timeout
  readonly #end_ms: number

  constructor(timeout_ms: number, caller: AbortSignal) {
    this.signal = this.#controller.signal
    this.#caller = caller
    this.#end_ms = performance.now() + timeout_ms
    this.#timer = setTimeout(this.#expire, Math.min(timeout_ms, MAX_TIMER_MS), timeout_ms)
    caller.addEventListener('abort', this.#cancel)
    if (caller.aborted) this.#cancel()
  }

  get remaining_ms(): number {
    return Math.max(0, this.#end_ms - performance.now())
  }

  abort(reason: WorkerError): void {
    this.#controller.abort(reason)
  }

  /** Stops waiting; the signal does not change after this. */
  clear(): void {
    clearTimeout(this.#timer)
    this.#caller.removeEventListener('abort', this.#cancel)
  }

  readonly #expire = (timeout_ms: number): void => {
    this.abort(new WorkerError('deadline_exceeded', `there was no answer within ${timeout_ms} ms`))
  }

  readonly #cancel = (): void => {
    this.abort(new WorkerError('cancelled', 'the caller no longer waits'))
  }
}

/** Waits for `promise`, but no longer than `signal` allows: then throws its reason. */
export async function within<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  let stop = (): void => {}
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason)
    signal.addEventListener('abort', stop)
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
