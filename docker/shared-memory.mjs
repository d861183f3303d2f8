import { statfsSync } from 'node:fs'

const MIB = 2 ** 20

/**
 * Says what is wrong where a file system has less room than the images on their way to Python take.
 *
 * @param {string} folder
 * @param {number} needed in bytes
 * @returns {string | undefined}
 */
export function sharedMemoryFault(folder, needed) {
  const there = bytesOf(folder)
  if (there >= needed) return undefined
  return [
    `The container has ${inMib(there)} of shared memory (${folder}), and the images on their way to`,
    `Python take ${inMib(needed)} (PIXELLLM_SLAB_BYTES): give it more, as with`,
    `docker run --shm-size ${inMib(2 * needed).replace(' MiB', 'm')} or shm_size in compose.yaml.`,
  ].join(' ')
}

/** @param {string} folder */
function bytesOf(folder) {
  try {
    const { blocks, bsize } = statfsSync(folder)
    return blocks * bsize
  } catch {
    return 0
  }
}

/** @param {number} bytes */
function inMib(bytes) {
  return `${Math.ceil(bytes / MIB)} MiB`
}
