import { createHash } from 'node:crypto'
import { mkdir, open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Budget } from './archive-limits.ts'
import { isLeftOut, partsOf } from './archive-names.ts'
import { ArchiveTree } from './archive-tree.ts'
import type { DatasetFile } from './dataset-files.ts'

export interface ArchiveEntry {
  /** As it is written in the archive. */
  readonly name: string
  readonly kind: 'file' | 'folder'
}

/** What an archive was unpacked to. */
export interface Unpacked {
  /** Where the dataset lies in the folder: the name of a folder in it, or nothing. */
  readonly root: string
  readonly files: readonly DatasetFile[]
}

/** Writes the entries of one archive into a folder, each judged by its name and by what is there already. */
export class Unpacker {
  readonly #folder: string
  readonly #budget: Budget
  readonly #tree = new ArchiveTree()
  readonly #made = new Set<string>()
  readonly #files: DatasetFile[] = []

  constructor(folder: string, budget: Budget) {
    this.#folder = folder
    this.#budget = budget
  }

  /** Judges an entry, in the order of the archive. Nothing is written where the path is null. */
  admit({ name, kind }: ArchiveEntry): string | null {
    this.#budget.enter()
    const parts = partsOf(name)
    if (isLeftOut(parts)) return null
    if (kind === 'file') this.#tree.addFile(parts)
    else this.#tree.addFolder(parts)
    return parts.join('/')
  }

  async makeFolder(path: string): Promise<void> {
    if (this.#made.has(path)) return
    await mkdir(join(this.#folder, path), { recursive: true, mode: 0o700 })
    this.#made.add(path)
  }

  /** Writes a file that was admitted. It cannot be written to afterwards. */
  async writeFile(path: string, contents: AsyncIterable<Buffer>): Promise<void> {
    await this.makeFolder(dirname(path))
    const hash = createHash('sha256')
    let bytes = 0
    const file = await open(join(this.#folder, path), 'wx', 0o400)
    try {
      for await (const chunk of this.#budget.file(path, contents)) {
        hash.update(chunk)
        bytes += chunk.length
        await file.writeFile(chunk)
      }
    } finally {
      await file.close()
    }
    this.#files.push({ path, bytes, sha256: hash.digest('hex') })
  }

  finish(): Unpacked {
    const root = this.#tree.root()
    const start = root === '' ? 0 : root.length + 1
    const files = this.#files.map((file) => ({ ...file, path: file.path.slice(start) }))
    return { root, files }
  }
}
