import { setTimeout as sleep } from 'node:timers/promises'
import type { TrainingEvent } from '../../schemas/index.ts'
import { ApiError } from '../errors.ts'
import { isFinal } from './job-state.ts'
import type { TrainingLimits } from './limits.ts'
import type { Run } from './run.ts'

/** Events that are read in one go. */
const PAGE = 100

/** Those who hear what happens to jobs while it happens, at whichever gateway it does. */
export class Followers {
  readonly #limits: TrainingLimits
  readonly #closing = new AbortController()
  #count = 0

  constructor(limits: TrainingLimits) {
    this.#limits = limits
  }

  /** Ends every stream; whoever follows can go on at another gateway. */
  close(): void {
    this.#closing.abort()
  }

  /** Every event behind number `after`, until the job has ended or the caller has enough. */
  follow(run: Run, after: number, caller: AbortSignal): AsyncGenerator<TrainingEvent> {
    if (this.#count >= this.#limits.followers) {
      const message = `${this.#count} callers already follow jobs at this server`
      throw new ApiError('queue_full', message)
    }
    this.#count += 1
    return this.#follow(run, after, AbortSignal.any([caller, this.#closing.signal]))
  }

  async *#follow(run: Run, after: number, signal: AbortSignal): AsyncGenerator<TrainingEvent> {
    let last = after
    try {
      while (!signal.aborted) {
        // Looked at before the page: what a job has at its end is then in it.
        const ended = isFinal(await run.state())
        if (run.events.count > last) {
          const { events, has_more } = await run.events.page(last, PAGE)
          yield* events
          last = events.at(-1)?.id ?? last
          if (has_more) continue
        }
        if (ended) return
        await sleep(this.#limits.follow_ms, undefined, { signal }).catch(() => {})
      }
    } finally {
      this.#count -= 1
    }
  }
}
