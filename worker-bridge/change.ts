/** Lets many wait for the next time that something changes. */
export class Change {
  #next: Promise<void>
  #resolve: () => void = () => {}

  constructor() {
    this.#next = this.#arm()
  }

  /** Resolves at the next `notify`. */
  next(): Promise<void> {
    return this.#next
  }

  notify(): void {
    const resolve = this.#resolve
    this.#next = this.#arm()
    resolve()
  }

  #arm(): Promise<void> {
    return new Promise((resolve) => {
      this.#resolve = resolve
    })
  }
}
