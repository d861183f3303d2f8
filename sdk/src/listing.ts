interface Page<Entry> {
  readonly entries: readonly Entry[]
  readonly has_more: boolean
}

/** A list of the server, read a page at a time as it is iterated over. */
export class Listing<Entry> implements AsyncIterable<Entry> {
  readonly #read: (last: Entry | undefined) => Promise<Page<Entry>>

  /** `read` gives the page behind an entry; the first one where there is none. */
  constructor(read: (last: Entry | undefined) => Promise<Page<Entry>>) {
    this.#read = read
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Entry, void> {
    for await (const page of this.pages()) yield* page
  }

  /** The pages, as they come. */
  async *pages(): AsyncGenerator<readonly Entry[], void> {
    let last: Entry | undefined
    for (;;) {
      const { entries, has_more } = await this.#read(last)
      yield entries
      last = entries.at(-1)
      if (!has_more || last === undefined) return
    }
  }

  /** The entries of the first page. */
  async first(): Promise<readonly Entry[]> {
    return (await this.#read(undefined)).entries
  }

  /** All entries of all pages. */
  async all(): Promise<Entry[]> {
    const all: Entry[] = []
    for await (const page of this.pages()) all.push(...page)
    return all
  }
}
