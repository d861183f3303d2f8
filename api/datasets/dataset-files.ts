import { createHash } from 'node:crypto'
import { DatasetId } from '../../schemas/index.ts'

/** A file of a dataset, by its path in it. */
export interface DatasetFile {
  readonly path: string
  readonly bytes: number
  /** In hexadecimal. */
  readonly sha256: string
}

/** The name of a dataset: a hash of the paths and the hashes of its files, in the form of `sha256sum`. */
export function datasetIdOf(files: readonly DatasetFile[]): DatasetId {
  const hash = createHash('sha256')
  for (const { path, sha256 } of files.toSorted(byPath)) hash.update(`${sha256}  ${path}\n`)
  return DatasetId.parse(`ds_${hash.digest('hex').slice(0, 32)}`)
}

export function bytesOf(parts: readonly { readonly bytes: number }[]): number {
  return parts.reduce((sum, { bytes }) => sum + bytes, 0)
}

function byPath(a: DatasetFile, b: DatasetFile): number {
  return Buffer.compare(Buffer.from(a.path), Buffer.from(b.path))
}
