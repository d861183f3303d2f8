import type { WorkCounts } from '../../schemas/index.ts'

/** Remembers what was counted of each worker, whose own counts begin anew when it starts again. */
export class WorkTally {
  readonly #seen = new Map<number, { readonly starts: number; readonly work: WorkCounts }>()

  /** What worker `index` did since this was last asked. */
  since(index: number, starts: number, work: WorkCounts): WorkCounts {
    const seen = this.#seen.get(index)
    this.#seen.set(index, { starts, work })
    return seen?.starts === starts ? difference(work, seen.work) : work
  }
}

function difference(now: WorkCounts, before: WorkCounts): WorkCounts {
  return {
    cache_hits: now.cache_hits - before.cache_hits,
    cache_misses: now.cache_misses - before.cache_misses,
    steps: now.steps.map(({ step, seconds, sizes }) => {
      const known = before.steps.find((other) => other.step === step)
      const counted = new Map(known?.sizes)
      return {
        step,
        seconds: seconds - (known?.seconds ?? 0),
        sizes: sizes.map(([size, batches]): [number, number] => [
          size,
          batches - (counted.get(size) ?? 0),
        ]),
      }
    }),
  }
}
