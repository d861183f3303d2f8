import type { FileHandle } from 'node:fs/promises'

const CHUNK_BYTES = 256 * 1024
export const NEWLINE = 0x0a

export interface Line {
  /** Without the character that ends it. */
  readonly text: string
  /** Where the next one begins. */
  readonly end: number
}

/** The whole lines between two offsets of a file, the first of which begins a line. */
export async function* readLines(
  file: FileHandle,
  start: number,
  end: number,
): AsyncGenerator<Line> {
  let rest = Buffer.alloc(0)
  for (let position = start; position < end; ) {
    const length = Math.min(CHUNK_BYTES, end - position)
    const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, position)
    if (bytesRead === 0) return
    const begin = position - rest.length
    position += bytesRead
    rest = Buffer.concat([rest, buffer.subarray(0, bytesRead)])

    let taken = 0
    for (let at = rest.indexOf(NEWLINE); at >= 0; at = rest.indexOf(NEWLINE, taken)) {
      const text = rest.toString('utf8', taken, at)
      taken = at + 1
      yield { text, end: begin + taken }
    }
    rest = rest.subarray(taken)
  }
}
