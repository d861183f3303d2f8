/** A piece of the slab. */
export interface Extent {
  readonly offset: number
  readonly bytes: number
}

/** Extents begin at a multiple of this, so that two images never share a page of memory. */
const PAGE_BYTES = 4096

/** Gives out pieces of a range of bytes, first fit, and joins what comes back with its neighbours. */
export class Extents {
  /** Sorted by offset; no two touch. */
  #free: Extent[]

  constructor(bytes: number) {
    this.#free = [{ offset: 0, bytes }]
  }

  get free_bytes(): number {
    return this.#free.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** Returns a piece of at least `bytes`, or undefined where no free piece is long enough. */
  take(bytes: number): Extent | undefined {
    const needed = Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES
    const index = this.#free.findIndex((extent) => extent.bytes >= needed)
    const found = this.#free[index]
    if (found === undefined) return undefined

    const rest = { offset: found.offset + needed, bytes: found.bytes - needed }
    this.#free.splice(index, 1, ...(rest.bytes > 0 ? [rest] : []))
    return { offset: found.offset, bytes: needed }
  }

  /** Takes a piece back. It must be one that `take` gave and that is not back yet. */
  give(extent: Extent): void {
    const sorted = [...this.#free, extent].sort((a, b) => a.offset - b.offset)
    this.#free = []
    for (const next of sorted) {
      const last = this.#free.at(-1)
      if (last === undefined || end(last) < next.offset) this.#free.push(next)
      else if (end(last) > next.offset) throw new RangeError(`extent ${next.offset} is free twice`)
      else this.#free.splice(-1, 1, { offset: last.offset, bytes: last.bytes + next.bytes })
    }
  }
}

function end({ offset, bytes }: Extent): number {
  return offset + bytes
}
