/**
 * Is this Node new enough? Written in syntax that Node 12 reads, and imported before anything else,
 * so that an old Node prints one sentence and not a syntax error.
 */

/** The oldest Node that runs the server: the same as `engines` in package.json, which a test compares. */
export const OLDEST_NODE = '20.19.0'

/**
 * @param {string} version of Node, such as `20.19.0`
 * @returns {string | undefined} what to do, or undefined where this Node will do
 */
export function nodeProblem(version) {
  if (rankOf(version) >= rankOf(OLDEST_NODE)) return undefined
  return `PixelLLM Server needs Node.js ${OLDEST_NODE} or newer, and this is ${version}: install a newer one from https://nodejs.org and run the command again.`
}

/**
 * @param {string} version
 * @returns {number} larger for a newer version
 */
function rankOf(version) {
  return version.split('.').reduce((rank, part) => rank * 1000 + Number.parseInt(part, 10), 0)
}

/** Ends the process with one sentence where Node is too old. */
export function requireNode() {
  const problem = nodeProblem(process.versions.node)
  if (problem === undefined) return
  console.error(problem)
  process.exit(1)
}
