import { randomUUID } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { codeOf } from './error-code.ts'
import { ApiError } from './errors.ts'

const DISK_FULL: ReadonlySet<string | undefined> = new Set(['ENOSPC', 'EDQUOT'])
/** How a file ends that is still half written. */
export const PARTIAL = '.partial'

/** Writes a file that is there whole or not at all. */
export async function writeWhole(path: string, bytes: Uint8Array | string): Promise<void> {
  const partial = `${path}.${randomUUID()}${PARTIAL}`
  try {
    const file = await open(partial, 'wx', 0o600)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(partial, path)
  } catch (error) {
    await rm(partial, { force: true })
    throw storageFailure(error)
  }
}

/** What the caller is told where the disk is full; any other error is left as it is. */
export function storageFailure(error: unknown): unknown {
  if (!isDiskFull(error)) return error
  return new ApiError('storage_full', 'the disk is full', { cause: error })
}

export function isDiskFull(error: unknown): boolean {
  return DISK_FULL.has(codeOf(error))
}
