import { parseArgs } from 'node:util'
import { UsageError } from './usage-error.ts'

export type Options = Readonly<
  Record<string, { readonly type: 'string' | 'boolean'; readonly multiple?: boolean }>
>

/** The options and the other words of a command line. */
export class Arguments {
  readonly #values: Readonly<Record<string, unknown>>
  readonly words: readonly string[]

  private constructor(values: Readonly<Record<string, unknown>>, words: readonly string[]) {
    this.#values = values
    this.words = words
  }

  static parse(args: readonly string[], options: Options): Arguments {
    try {
      const { values, positionals } = parseArgs({
        args: [...args],
        options: { ...options },
        allowPositionals: true,
      })
      return new Arguments(values, positionals)
    } catch (error) {
      throw new UsageError(error instanceof Error ? error.message : String(error))
    }
  }

  flag(name: string): boolean {
    return this.#values[name] === true
  }

  text(name: string): string | undefined {
    const value = this.#values[name]
    return typeof value === 'string' ? value : undefined
  }

  texts(name: string): string[] {
    const values = this.#values[name]
    return Array.isArray(values) ? values.filter((value) => typeof value === 'string') : []
  }

  number(name: string): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const value = Number(text)
    if (text.trim() === '' || Number.isNaN(value)) {
      throw new UsageError(`--${name} takes a number, not ${text}`)
    }
    return value
  }

  /** Numbers with commas between, so many of them. */
  numbers(name: string, names: readonly string[]): number[] | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const values = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)))
    if (values.length !== names.length || values.some(Number.isNaN)) {
      throw new UsageError(`--${name} takes ${names.join(',')} in pixels, not ${text}`)
    }
    return values
  }

  /** The only word, or the one at `index` of `count`. */
  word(what: string, index = 0, count = 1): string {
    const word = this.words[index]
    if (word === undefined) throw new UsageError(`${what} is missing`)
    if (this.words.length > count) {
      throw new UsageError(`${this.words.slice(count).join(' ')}: one word too many`)
    }
    return word
  }
}
