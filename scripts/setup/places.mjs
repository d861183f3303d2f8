import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of package.json. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url)).replace(/[\\/]$/, '')

/**
 * Where set-up reads and writes.
 *
 * A stamp lies inside what it vouches for, so that deleting or replacing `node_modules`, `.venv` or
 * `dist` deletes its stamps too.
 *
 * @typedef {ReturnType<typeof placesOf>} Places
 * @param {string} root the folder of package.json
 */
export function placesOf(root) {
  const venv = join(root, '.venv')
  return {
    root,
    packageLock: join(root, 'package-lock.json'),
    nodeModules: join(root, 'node_modules'),
    venv,
    venvPython: join(venv, 'bin', 'python'),
    venvStamps: join(venv, '.set-up'),
    python: join(root, 'python'),
    requirements: join(root, 'python', 'requirements.txt'),
    requirementsDev: join(root, 'python', 'requirements-dev.txt'),
    dist: join(root, 'dist'),
    playground: join(root, 'dist', 'playground'),
    cli: join(root, 'cli', 'dist'),
    notes: join(root, '.setup'),
    log: join(root, '.setup', 'setup.log'),
    lock: join(root, '.setup', 'lock'),
  }
}
