// What the container runs: the server, in this same process, once there is room for its shared memory.
// Outside of containers it makes do with less; in one, the remedy is a word on the command line.
import { sharedMemoryFault } from './shared-memory.mjs'

const dist = new URL('../dist/api/', import.meta.url)
const { loadConfig } = await import(new URL('config.js', dist).href)

const fault = sharedMemoryFault('/dev/shm', slabBytes())
if (fault !== undefined) {
  process.stderr.write(`${fault}\n`)
  process.exit(1)
}
await import(new URL('server.js', dist).href)

/** @returns {number} 0 where a setting is wrong, which the server then says */
function slabBytes() {
  try {
    return loadConfig(process.env).slab_bytes
  } catch {
    return 0
  }
}
