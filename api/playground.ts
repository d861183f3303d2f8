/** The files of the playground as set-up built them, in memory: no request names a path on disk. */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { extname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { codeOf } from './error-code.ts'

const MEDIA_TYPES = new Map([
  ['.css', 'text/css; charset=utf-8'],
  ['.html', 'text/html; charset=utf-8'],
  ['.js', 'text/javascript; charset=utf-8'],
  ['.png', 'image/png'],
  ['.svg', 'image/svg+xml'],
])

export interface PlaygroundFile {
  readonly type: string
  readonly etag: string
  readonly bytes: Buffer
}

/** By their paths below the folder, with slashes. */
export type PlaygroundFiles = ReadonlyMap<string, PlaygroundFile>

/** Where `npm run build:playground` writes, from the sources as well as from `dist`. */
export function builtPlayground(): string {
  const up = import.meta.url.endsWith('.ts') ? '../dist/' : '../'
  return fileURLToPath(new URL(`${up}playground`, import.meta.url))
}

/** Empty where the folder is not there: the playground was not built. */
export async function readPlayground(folder: string): Promise<PlaygroundFiles> {
  const files = new Map<string, PlaygroundFile>()
  for (const path of await filesUnder(folder)) {
    const type = MEDIA_TYPES.get(extname(path))
    if (type === undefined) continue // the stamp of set-up
    const bytes = await readFile(path)
    files.set(relative(folder, path).replaceAll(sep, '/'), { type, etag: etagOf(bytes), bytes })
  }
  return files
}

async function filesUnder(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true })
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  }
}

function etagOf(bytes: Buffer): string {
  return `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`
}
