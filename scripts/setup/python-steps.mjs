import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { findPython, isUsable, withoutPythonVariables } from './find-python.mjs'
import { beginStep, begunMark, hashOf, readStamp, writeStamp } from './stamp.mjs'

/** @typedef {import('./places.mjs').Places} Places */
/** @typedef {import('./steps.mjs').Ground} Ground */
/** @typedef {import('./steps.mjs').Step} Step */

/** The stamps of the steps below, all inside `.venv`. */
const STAMPS = /** @type {const} */ (['environment', 'packages', 'dev-tools', 'pixelllm'])

/**
 * @param {Places} places
 * @param {typeof STAMPS[number]} name
 */
function stampIn({ venvStamps }, name) {
  return join(venvStamps, name)
}

/**
 * `.venv`: made anew where its Python is gone, where an earlier install into it was interrupted (pip
 * cannot tell half a package from a whole one), or where PIXELLLM_PYTHON names another Python.
 *
 * @param {Ground} ground
 * @returns {Step}
 */
export function virtualEnvironment({ places, settings, env }) {
  const stampFile = stampIn(places, 'environment')
  const isWhole = () =>
    existsSync(places.venvPython) &&
    STAMPS.every((name) => !existsSync(begunMark(stampIn(places, name))))
  const isTheNamed = () =>
    settings.python === undefined || readStamp(stampFile)?.from === settings.python

  return {
    title: 'Python environment',
    isDone: () => isWhole() && isTheNamed() && readStamp(stampFile) !== undefined,
    async work(run) {
      if (!isWhole() || !isTheNamed() || !(await isUsable(places.venvPython))) {
        const python = await findPython({ named: settings.python, path: env.PATH ?? '' })
        rmSync(places.venv, { recursive: true, force: true })
        beginStep(stampFile)
        const make = [python, '-m', 'venv', places.venv]
        await run('python -m venv', make, { env: withoutPythonVariables(env) })
      }
      writeStamp(stampFile, { from: settings.python ?? '' })
    },
  }
}

/**
 * The packages of python/requirements.txt, with torch from PIXELLLM_TORCH_INDEX where that is set.
 *
 * @param {Ground} ground
 * @returns {Step}
 */
export function pythonPackages({ places, settings, env }) {
  const stampFile = stampIn(places, 'packages')
  const from = () => hashOf(places.root, [places.requirements])
  const index = settings.torchIndex
  // Hashed, because an index's address may hold a password.
  const indexMark = index === undefined ? undefined : hashOf(places.root, [], [index])
  const isFromIndex = () => index === undefined || readStamp(stampFile)?.torchIndex === indexMark

  return {
    title: 'Python packages',
    isDone: () => readStamp(stampFile)?.from === from() && isFromIndex(),
    async work(run) {
      const torchIndex = indexMark ?? readStamp(stampFile)?.torchIndex
      const anew = isFromIndex() ? [] : ['--force-reinstall']
      beginStep(stampFile)
      if (index !== undefined) {
        const torch = pinOf('torch', readFileSync(places.requirements, 'utf8'))
        const command = [...pipInstall(places), '--no-deps', ...anew, torch]
        const fromIndex = { ...pipEnvironment(env), PIP_INDEX_URL: index }
        await run('pip install', command, { env: fromIndex })
      }
      await run('pip install', [...pipInstall(places), '-r', places.requirements], {
        env: pipEnvironment(env),
      })
      writeStamp(stampFile, { from: from(), ...(torchIndex === undefined ? {} : { torchIndex }) })
    },
  }
}

/**
 * @param {string} name of a package
 * @param {string} requirements the text of a requirements file
 * @returns {string} its line there, such as `torch==2.13.0`
 */
export function pinOf(name, requirements) {
  const line = requirements.split('\n').find((line) => line.startsWith(`${name}==`))
  if (line === undefined) throw new Error(`${name} has no pinned version among the requirements`)
  return line.trim()
}

/**
 * pytest, ruff and mypy.
 *
 * @param {Ground} ground
 * @returns {Step}
 */
export function pythonDevTools({ places, env }) {
  const stampFile = stampIn(places, 'dev-tools')
  const from = () => hashOf(places.root, [places.requirementsDev])

  return {
    title: 'Python tools for the tests',
    isDone: () => readStamp(stampFile)?.from === from(),
    async work(run) {
      beginStep(stampFile)
      const command = [...pipInstall(places), '-r', places.requirementsDev]
      await run('pip install', command, { env: pipEnvironment(env) })
      writeStamp(stampFile, { from: from() })
    },
  }
}

/**
 * The package `pixelllm` itself, editable, built with the setuptools that requirements.txt pins: pip's
 * build isolation would download another.
 *
 * @param {Ground} ground
 * @returns {Step}
 */
export function pixelllmPackage({ places, env }) {
  const stampFile = stampIn(places, 'pixelllm')
  const project = join(places.python, 'pyproject.toml')
  const from = () => hashOf(places.root, [project], [places.root]) // the install holds its own path

  return {
    title: 'Python package pixelllm',
    isDone: () => readStamp(stampFile)?.from === from(),
    async work(run) {
      beginStep(stampFile)
      const editable = ['--no-deps', '--no-build-isolation', '-e', places.python]
      await run('pip install', [...pipInstall(places), ...editable], { env: pipEnvironment(env) })
      writeStamp(stampFile, { from: from() })
    },
  }
}

/** @param {Places} places */
function pipInstall({ venvPython }) {
  return [venvPython, '-m', 'pip', 'install', '--disable-pip-version-check', '--no-input']
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {NodeJS.ProcessEnv}
 */
function pipEnvironment(env) {
  return { ...withoutPythonVariables(env), PIP_PROGRESS_BAR: 'off' }
}
