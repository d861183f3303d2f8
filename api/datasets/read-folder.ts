import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { DatasetFile } from './dataset-files.ts'

const PARTS = ['data.jsonl', 'images']

/**
 * The files of a dataset in a folder of the operator's, which may have others beside them. Links are
 * followed, as the reader of datasets follows them, but none in a circle.
 */
export async function readFolder(folder: string, signal: AbortSignal): Promise<DatasetFile[]> {
  const there = await readdir(folder)
  const files: DatasetFile[] = []
  for (const part of PARTS.filter((name) => there.includes(name))) {
    for await (const path of filesAt(folder, part, new Set())) {
      files.push({ path, ...(await readHash(join(folder, path), signal)) })
    }
  }
  return files
}

/** The paths of the files at a path, each from the folder. `entered` are the folders around it. */
async function* filesAt(
  folder: string,
  path: string,
  entered: ReadonlySet<string>,
): AsyncGenerator<string> {
  const stats = await stat(join(folder, path))
  if (stats.isFile()) yield path
  if (!stats.isDirectory()) return

  const real = await realpath(join(folder, path))
  if (entered.has(real)) return
  for (const name of await readdir(real)) {
    yield* filesAt(folder, `${path}/${name}`, new Set([...entered, real]))
  }
}

async function readHash(
  path: string,
  signal: AbortSignal,
): Promise<Pick<DatasetFile, 'bytes' | 'sha256'>> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of createReadStream(path, { signal })) {
    hash.update(chunk)
    bytes += chunk.length
  }
  return { bytes, sha256: hash.digest('hex') }
}
