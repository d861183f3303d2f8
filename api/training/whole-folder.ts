/** Folders and files that are there whole or not at all, also after a power cut. */
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** Makes a folder of these files, by their names; a name that ends with a slash is an empty folder. */
export async function writeFolder(
  target: string,
  aside: string,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  try {
    await mkdir(aside, { mode: 0o700 })
    for (const [name, text] of Object.entries(files)) {
      const path = join(aside, name)
      if (name.endsWith('/')) await mkdir(path, { mode: 0o700 })
      else await writeFile(path, text, { mode: 0o600, flush: true })
    }
    await sync(aside)
    await rename(aside, target)
    await sync(dirname(target))
  } catch (error) {
    await rm(aside, { recursive: true, force: true })
    throw error
  }
}

/** Brings the names in a folder to the disk. */
export async function sync(folder: string): Promise<void> {
  const handle = await open(folder)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
