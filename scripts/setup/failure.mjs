/**
 * What to tell a person whose set-up failed. The tools below say it in many lines and many ways; a
 * person wants one sentence that says what to do.
 */

/** A failure whose message is already that sentence. */
export class SetupError extends Error {
  /** @override */
  name = 'SetupError'
}

/** A tool ended with something else than 0. */
export class ToolError extends Error {
  /** @override */
  name = 'ToolError'

  /**
   * @param {string} tool its name, for a person
   * @param {{ code: number | null, signal: NodeJS.Signals | null, output: string[] }} end `output`: its last lines
   */
  constructor(tool, { code, signal, output }) {
    super(`${tool} ended with ${signal ?? `exit code ${code}`}`)
    this.signal = signal
    this.output = output
  }
}

/**
 * @param {unknown} error
 * @returns {unknown} the code of an error of the operating system, such as `ENOENT`
 */
export function codeOf(error) {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
}

/**
 * From the most certain to the least: a full disk also breaks downloads, and a dead network also
 * makes pip say that no distribution matches.
 *
 * @type {{ sign: RegExp, sentence: string }[]}
 */
const SIGNS = [
  {
    sign: /ENOSPC|No space left on device|EDQUOT|Disk quota exceeded/i,
    sentence:
      'The disk is full: make room (the packages take about 1.5 GB, and several more where torch comes with CUDA) and run the command again.',
  },
  {
    sign: /spawn npm ENOENT/,
    sentence:
      'npm is not on the path: install it (Debian packages it apart from Node.js) and run npm start.',
  },
  {
    sign: /EROFS|Read-only file system/i,
    sentence:
      'This folder is on a read-only file system: copy the repository to a place that can be written to and run the command there.',
  },
  {
    sign: /EACCES|EPERM|Permission denied|Operation not permitted/i,
    sentence:
      'Something may not be written here: make the folder of the repository, and the caches of npm and pip, belong to the user who runs the command, and run it again.',
  },
  {
    sign: /ensurepip is not available|No module named '?(venv|ensurepip)/i,
    sentence:
      'This Python has no venv module: install it (on Debian and Ubuntu: apt install python3-venv) and run the command again.',
  },
  {
    sign: /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|ERR_SOCKET_TIMEOUT|NewConnectionError|ConnectTimeoutError|ReadTimeoutError|ProxyError|SSLError|Temporary failure in name resolution|Connection broken|Network is unreachable|CERT_|SELF_SIGNED/,
    sentence:
      'A package registry cannot be reached: check the network, or the proxy and registry that npm and pip are set to use, and run the command again.',
  },
  {
    sign: /can only install packages when your package\.json and package-lock\.json/i,
    sentence:
      'package-lock.json does not fit package.json: bring both back to one commit (git status shows what changed), or run npm install after changing a dependency.',
  },
  {
    sign: /EINTEGRITY|THESE PACKAGES DO NOT MATCH THE HASHES/i,
    sentence:
      'A download arrived damaged: run npm cache verify and pip cache purge, and run the command again.',
  },
  {
    sign: /No matching distribution found|Could not find a version that satisfies/i,
    sentence:
      'pip finds no build of a pinned package: see that its package index can be reached, and that this is a 64-bit CPython 3.11 to 3.14 (PIXELLLM_PYTHON names another), and run the command again.',
  },
  {
    sign: /error TS\d+|npm error Missing script/,
    sentence:
      'The build failed: the sources do not compile (the lines above say where); bring them back to a commit that does.',
  },
]

/**
 * @param {unknown} error of a step
 * @returns {string} one sentence that says what to do
 */
export function adviceFor(error) {
  if (error instanceof SetupError) return error.message
  if (error instanceof ToolError && error.signal === 'SIGKILL') {
    return 'The system ended a tool by force, most often because memory ran out: close other programs, or give this machine at least 4 GB, and run the command again.'
  }
  const text = error instanceof ToolError ? error.output.join('\n') : String(error)
  const known = SIGNS.find(({ sign }) => sign.test(text))
  return known?.sentence ?? 'The lines above say why: repair that and run the command again.'
}
