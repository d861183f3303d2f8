import type { Stream } from './terminal.ts'

const BAR = 24
const CLEAR_LINE = '\r\u001b[2K'

/** How far something is, in one line that is written again. Where no person reads, it is silent. */
export class ProgressBar {
  readonly #stream: Stream
  readonly #total: number
  readonly #say: (value: number) => string
  #done = 0

  /** `say` writes a number for people; a count as it is, by default. */
  constructor(stream: Stream, total: number, say: (value: number) => string = String) {
    this.#stream = stream
    this.#total = total
    this.#say = say
    this.#draw()
  }

  advance(by = 1): void {
    this.moveTo(this.#done + by)
  }

  moveTo(done: number): void {
    this.#done = done
    this.#draw()
  }

  /** A line that stays, above the bar. */
  say(line: string): void {
    this.#clear()
    this.#stream.write(`${line}\n`)
    this.#draw()
  }

  /** Takes it away. */
  close(): void {
    this.#clear()
  }

  #draw(): void {
    if (!this.#stream.isTTY) return
    const share = this.#total === 0 ? 1 : this.#done / this.#total
    const full = Math.round(share * BAR)
    const bar = '#'.repeat(full).padEnd(BAR, '.')
    this.#stream.write(`${CLEAR_LINE}[${bar}] ${this.#say(this.#done)}/${this.#say(this.#total)}`)
  }

  #clear(): void {
    if (this.#stream.isTTY) this.#stream.write(CLEAR_LINE)
  }
}
