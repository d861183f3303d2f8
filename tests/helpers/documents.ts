import { readFileSync } from 'node:fs'

/** Code of a document and what it prints. */
export interface Block {
  readonly file: string
  readonly language: string
  readonly code: string
  /** Undefined where the document does not say. */
  readonly printed: string | undefined
  /** Why the document says that it cannot be run where it is tested. */
  readonly notRun: string | undefined
}

const NOT_RUN = /(?:^<!-- not run: (.*) -->\n\n)?/
const CODE = /^```(ts|sh|python)\n((?:(?!```).*\n)*)```\n/
const PRINTED = /(?:\n```text\n((?:(?!```).*\n)*)```\n)?/
const BLOCK = new RegExp(NOT_RUN.source + CODE.source + PRINTED.source, 'gm')

/** The blocks of TypeScript, shell and Python of a document. */
export function blocksOf(file: string): Block[] {
  return Array.from(
    readFileSync(file, 'utf8').matchAll(BLOCK),
    ([, notRun, language = '', code = '', printed]) => ({ file, language, code, printed, notRun }),
  )
}
