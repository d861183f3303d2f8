import { ApiError } from '../errors.ts'
import { foldName, unsafe } from './archive-names.ts'

const DATA = 'data.jsonl'
const IMAGES = 'images'
const EXPECTED = `${DATA} and ${IMAGES}/, alone or in one folder`

type Kind = 'file' | 'folder'

interface Node {
  readonly path: string
  readonly kind: Kind
}

/** The paths that an archive has had so far: that none is there twice, and that all of them are expected. */
export class ArchiveTree {
  readonly #nodes = new Map<string, Node>()
  /** Whether everything lies where it is expected, without a folder around it. */
  #bare = true
  /** The folder around everything; undefined before the first entry, null where there cannot be one. */
  #around: string | null | undefined

  addFolder(parts: readonly string[]): void {
    this.#place(parts, 'folder')
    for (let depth = 1; depth <= parts.length; depth += 1) {
      this.#addFolder(parts.slice(0, depth).join('/'))
    }
  }

  addFile(parts: readonly string[]): void {
    const path = parts.join('/')
    this.#place(parts, 'file')
    this.addFolder(parts.slice(0, -1))
    const other = this.#nodes.get(foldName(path))
    if (other !== undefined) throw unsafe(path, conflictOf(path, 'file', other))
    this.#nodes.set(foldName(path), { path, kind: 'file' })
  }

  /** The folder inside the archive that has the dataset: its name, or nothing where it is the archive itself. */
  root(): string {
    for (const root of [...(this.#bare ? [''] : []), ...(this.#around ? [this.#around] : [])]) {
      const within = root === '' ? '' : `${root}/`
      const found = [`${within}${DATA}`, `${within}${IMAGES}`].map((path) => this.#kindOf(path))
      if (found[0] === 'file' && found[1] === 'folder') return root
    }
    throw new ApiError(
      'archive_unreadable',
      `the archive is not a dataset: it has to have ${EXPECTED}`,
    )
  }

  #addFolder(path: string): void {
    const other = this.#nodes.get(foldName(path))
    if (other === undefined) this.#nodes.set(foldName(path), { path, kind: 'folder' })
    else if (other.path !== path || other.kind !== 'folder') {
      throw unsafe(path, conflictOf(path, 'folder', other))
    }
  }

  /** Throws where no dataset has this path, given those that came before. */
  #place(parts: readonly string[], kind: Kind): void {
    const [first, ...rest] = parts
    if (first === undefined) return
    this.#bare &&= isExpected(parts, kind)
    if (this.#around === undefined) this.#around = first
    if (first !== this.#around || !isWithin(rest, kind)) this.#around = null
    if (this.#bare || this.#around !== null) return
    throw unsafe(parts.join('/'), `is not expected: a dataset has ${EXPECTED}`)
  }

  #kindOf(path: string): Kind | undefined {
    const node = this.#nodes.get(foldName(path))
    return node?.path === path ? node.kind : undefined
  }
}

/** Whether the path can be in the folder around a dataset, or is that folder. */
function isWithin(rest: readonly string[], kind: Kind): boolean {
  return rest.length === 0 ? kind === 'folder' : isExpected(rest, kind)
}

function isExpected([first, ...rest]: readonly string[], kind: Kind): boolean {
  if (first === DATA) return rest.length === 0 && kind === 'file'
  return first === IMAGES && (rest.length > 0 || kind === 'folder')
}

function conflictOf(path: string, kind: Kind, other: Node): string {
  if (other.path !== path) return `and ${JSON.stringify(other.path)} are one name to some systems`
  return other.kind === kind ? 'is there twice' : 'is both a file and a folder'
}
