import { once } from 'node:events'
import { type Extract, extract, type Header } from 'tar-stream'
import { codeOf } from '../error-code.ts'
import { unsafe } from './archive-names.ts'
import type { Unpacker } from './unpacker.ts'

/** A block of zeros ends a tar; there may be several. */
const END_MARK = Buffer.alloc(512)
/** How the contents of an entry fail when the tar ends in them. */
const CUT_OFF = 'STREAM_DESTROYED'

interface Entry extends AsyncIterable<unknown> {
  readonly header: Header
}

/** Unpacks a tar as it comes in. */
export async function unpackTar(tar: AsyncIterable<Buffer>, unpacker: Unpacker): Promise<void> {
  const parser = extract()
  const feeding = new Feeding(parser)
  const fed = feeding.feed(tar)
  try {
    for await (const entry of parser) await unpackEntry(entry, unpacker)
  } catch (error) {
    throw feeding.failure ?? (codeOf(error) === CUT_OFF ? new Error('unexpected end') : error)
  }
  await fed
  if (feeding.failure !== undefined) throw feeding.failure
}

async function unpackEntry(entry: Entry, unpacker: Unpacker): Promise<void> {
  const { name } = entry.header
  const kind = kindOf(entry.header)
  const path = unpacker.admit({ name, kind })
  if (path !== null && kind === 'file') return unpacker.writeFile(path, bytesOf(entry))
  if (path !== null) await unpacker.makeFolder(path)
  for await (const _ of entry);
}

async function* bytesOf(contents: AsyncIterable<unknown>): AsyncGenerator<Buffer> {
  for await (const chunk of contents) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError('the parser of tar gives bytes')
    yield chunk
  }
}

function kindOf({ name, type, pax }: Header): 'file' | 'folder' {
  if (Object.keys(pax ?? {}).some((key) => key.startsWith('GNU.sparse.'))) {
    throw unsafe(name, 'is a sparse file: make the archive without --sparse')
  }
  switch (type) {
    case 'file':
    case 'contiguous-file':
      return 'file'
    case 'directory':
      return 'folder'
    case 'link':
    case 'symlink':
      throw unsafe(name, 'is a link: put the file itself into the archive (tar -h)')
    default:
      throw unsafe(name, `is neither a file nor a folder but ${type ?? 'of an unknown kind'}`)
  }
}

/** Gives a parser its tar, as fast as it takes it. */
class Feeding {
  /** What went wrong with the tar before it came to the parser, or at its end. */
  failure: unknown
  readonly #parser: Extract
  readonly #closed = new AbortController()

  constructor(parser: Extract) {
    this.#parser = parser
    parser.on('close', () => this.#closed.abort())
  }

  /** Returns when all of it is given, or when the parser takes no more. */
  async feed(tar: AsyncIterable<Buffer>): Promise<void> {
    try {
      const end = await this.#giveAll(tar)
      if (end === undefined) return
      if (!end.equals(END_MARK)) this.failure = new Error('its end is missing')
      this.#parser.end(null)
    } catch (error) {
      if (this.#closed.signal.aborted) return
      this.failure = error
      // With an error: without one, whoever waits for the next entry waits for ever.
      this.#parser.destroy(new Error('the tar cannot be read on'))
    }
  }

  /** Returns its last bytes; nothing where the parser was closed before them. */
  async #giveAll(tar: AsyncIterable<Buffer>): Promise<Buffer | undefined> {
    const { signal } = this.#closed
    let end = Buffer.alloc(0)
    for await (const chunk of tar) {
      if (signal.aborted) return undefined
      end = Buffer.concat([end, chunk]).subarray(-END_MARK.length)
      if (!this.#parser.write(chunk)) await once(this.#parser, 'drain', { signal })
    }
    return end
  }
}
