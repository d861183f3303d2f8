import { readFileSync } from 'node:fs'

/** Code of a document and what it prints. */
export interface Block {
  readonly file: string
  readonly language: string
  readonly code: string
  /** Undefined where the document does not say. */
  readonly printed: string | undefined
}

const BLOCK = /^```(ts|sh)\n((?:(?!```).*\n)*)```\n(?:\n```text\n((?:(?!```).*\n)*)```\n)?/gm

/** The blocks of TypeScript and shell of a document. */
export function blocksOf(file: string): Block[] {
  return Array.from(
    readFileSync(file, 'utf8').matchAll(BLOCK),
    ([, language = '', code = '', printed]) => ({ file, language, code, printed }),
  )
}
