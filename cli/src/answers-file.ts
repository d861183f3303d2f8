import { createReadStream } from 'node:fs'
import { type FileHandle, open, truncate } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import type { Answer } from '@pixelllm/sdk'
import { UsageError } from './usage-error.ts'

interface Line {
  readonly image: string
  readonly task: string
}

/** The answers of a batch, one a line, as they come. What is there already is kept. */
export class AnswersFile {
  readonly #file: FileHandle
  readonly #task: string
  readonly #images: Set<string>
  #written = Promise.resolve()

  private constructor(file: FileHandle, task: string, images: Set<string>) {
    this.#file = file
    this.#task = task
    this.#images = images
  }

  static async open(path: string, task: string): Promise<AnswersFile> {
    const file = await open(path, 'a').catch((cause: unknown) => {
      throw new UsageError(`cannot write ${path}`, { cause })
    })
    try {
      await cutBrokenEnd(path)
      return new AnswersFile(file, task, await readImages(path, task))
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** Whether the answer about an image is there. */
  has(image: string): boolean {
    return this.#images.has(image)
  }

  async add(image: string, answer: Answer): Promise<void> {
    const line = `${JSON.stringify({ image, task: this.#task, answer })}\n`
    // One after the other: a long line may take more than one write.
    this.#written = this.#written.then(() => this.#file.appendFile(line))
    await this.#written
    this.#images.add(image)
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}

const BLOCK_BYTES = 65_536
const NEWLINE = 0x0a

/** Takes away a last line without an end: its program died while it wrote it. */
async function cutBrokenEnd(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    let end = size
    while (end > 0) {
      const length = Math.min(BLOCK_BYTES, end)
      const { buffer } = await file.read(Buffer.alloc(length), 0, length, end - length)
      const newline = buffer.lastIndexOf(NEWLINE)
      end += newline === -1 ? -length : newline + 1 - length
      if (newline !== -1) break
    }
    if (end < size) await truncate(path, end)
  } finally {
    await file.close()
  }
}

async function readImages(path: string, task: string): Promise<Set<string>> {
  const images = new Set<string>()
  let number = 0
  for await (const text of createInterface({ input: createReadStream(path) })) {
    number++
    const line = parseLine(text)
    if (line === undefined) {
      throw new UsageError(`${path}:${number}: it is no answer of a batch; name another file`)
    }
    if (line.task !== task) {
      throw new UsageError(`${path} has answers of ${line.task}; name another file for ${task}`)
    }
    images.add(line.image)
  }
  return images
}

function parseLine(text: string): Line | undefined {
  try {
    const { image, task }: Partial<Record<keyof Line, unknown>> = Object(JSON.parse(text))
    return typeof image === 'string' && typeof task === 'string' ? { image, task } : undefined
  } catch {
    return undefined
  }
}
