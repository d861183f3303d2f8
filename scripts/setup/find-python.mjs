import { execFile } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { SetupError } from './failure.mjs'

/** The oldest Python that runs the worker: the same as `requires-python` in python/pyproject.toml, which a test compares. */
export const OLDEST_PYTHON = '3.11'

/** Tried in this order where PIXELLLM_PYTHON names none. */
export const PYTHON_NAMES = ['python3.13', 'python3.12', 'python3.11', 'python3', 'python']

const ANSWER_TIMEOUT_MS = 20_000
const HOW_TO_GET =
  'install it from https://www.python.org or your package manager (on Debian and Ubuntu: apt install python3 python3-venv), or let PIXELLLM_PYTHON name one'

/** What an interpreter says of itself, as JSON. */
const QUESTION = `
import importlib.util, json, platform, sys
print(json.dumps({
    "version": ".".join(map(str, sys.version_info[:3])),
    "implementation": platform.python_implementation(),
    "executable": sys.executable,
    "has_venv": all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")),
    "has_pip": importlib.util.find_spec("pip") is not None,
}))
`

/** @typedef {{ version: string, implementation: string, executable: string, has_venv: boolean, has_pip: boolean }} Answer */

/**
 * Finds a Python that can make the virtual environment.
 *
 * @param {{ named?: string | undefined, path: string }} where `named`: the value of PIXELLLM_PYTHON;
 *   `path`: the value of PATH
 * @returns {Promise<string>} the interpreter's own name for itself; throws a SetupError that says what
 *   to install
 */
export async function findPython({ named, path }) {
  if (named !== undefined) return findNamed(named, path)

  /** @type {Answer[]} */
  const refused = []
  for (const name of PYTHON_NAMES) {
    for (const file of onPath(name, path)) {
      const answer = await ask(file)
      if (answer === undefined) continue
      if (isNewEnough(answer) && answer.has_venv) return answer.executable
      refused.push(answer)
    }
  }
  throw new SetupError(whyNone(refused))
}

/**
 * @param {string} named
 * @param {string} path
 */
async function findNamed(named, path) {
  const file = named.includes('/') ? named : (onPath(named, path)[0] ?? named)
  const answer = await ask(file)
  if (answer === undefined) {
    throw new SetupError(
      `PIXELLLM_PYTHON is ${named}, which does not run: let it name a Python ${OLDEST_PYTHON} or newer, or unset it.`,
    )
  }
  if (!isNewEnough(answer)) {
    throw new SetupError(
      `PIXELLLM_PYTHON is ${named}, which is ${answer.implementation} ${answer.version}: let it name a CPython ${OLDEST_PYTHON} or newer, or unset it.`,
    )
  }
  if (!answer.has_venv) throw new SetupError(withoutVenv(answer))
  return answer.executable
}

/**
 * @param {Answer[]} refused
 * @returns {string}
 */
function whyNone(refused) {
  const withoutModule = refused.find(isNewEnough)
  if (withoutModule !== undefined) return withoutVenv(withoutModule)
  const [old] = refused
  if (old === undefined) {
    return `PixelLLM Server needs Python ${OLDEST_PYTHON} or newer, and none was found: ${HOW_TO_GET}.`
  }
  return `PixelLLM Server needs Python ${OLDEST_PYTHON} or newer, and the one found here (${old.executable}) is ${old.implementation} ${old.version}: ${HOW_TO_GET}.`
}

/** @param {Answer} answer */
function withoutVenv({ executable, version }) {
  const minor = version.split('.').slice(0, 2).join('.')
  return `Python ${version} (${executable}) has no venv module: install it (on Debian and Ubuntu: apt install python${minor}-venv) and run the command again.`
}

/** @param {Answer} answer */
function isNewEnough({ version, implementation }) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_PYTHON.split('.').map(Number)
  return implementation === 'CPython' && major === oldestMajor && minor >= oldestMinor
}

/**
 * @param {string} python of a virtual environment
 * @returns {Promise<boolean>} whether packages can be installed into it
 */
export async function isUsable(python) {
  const answer = await ask(python)
  return answer !== undefined && isNewEnough(answer) && answer.has_pip
}

/**
 * @param {string} file
 * @returns {Promise<Answer | undefined>} undefined where it is no Python that answers
 */
async function ask(file) {
  try {
    const options = { timeout: ANSWER_TIMEOUT_MS, env: withoutPythonVariables(process.env) }
    const { stdout } = await promisify(execFile)(file, ['-c', QUESTION], options)
    return JSON.parse(stdout)
  } catch {
    return undefined
  }
}

/**
 * Variables that would make our interpreter see another one's packages.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {NodeJS.ProcessEnv}
 */
export function withoutPythonVariables(env) {
  const { PYTHONHOME: _home, PYTHONPATH: _path, VIRTUAL_ENV: _venv, ...rest } = env
  return { ...rest, PYTHONNOUSERSITE: '1' }
}

/**
 * @param {string} name of a program
 * @param {string} path
 * @returns {string[]} every file of that name on the path that may be run, in its order
 */
function onPath(name, path) {
  return path
    .split(delimiter)
    .filter(Boolean)
    .map((folder) => join(folder, name))
    .filter((file) => {
      try {
        accessSync(file, constants.X_OK)
        return statSync(file).isFile()
      } catch {
        return false
      }
    })
}
