import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { npm } from '../setup/node-steps.mjs'

/**
 * One part of `npm test`. `report` is a file that a test runner fills, in the form that counts.mjs reads.
 *
 * @typedef {{ name: string, side: 'node' | 'python', command: string[], cwd: string, report?: string }} Part
 */

/** More processes than this wait for each other's memory rather than for a core. */
const MOST_WORKERS = 4

/**
 * @param {import('../setup/places.mjs').Places} places
 * @param {NodeJS.ProcessEnv} env
 * @returns {Part[]} quick ones first
 */
export function partsOf(places, env) {
  const workers = String(Math.min(availableParallelism(), MOST_WORKERS))
  const run = (/** @type {string[]} */ ...args) => [...npm(env), 'run', '--silent', ...args]
  const python = (/** @type {string[]} */ ...args) => [places.venvPython, '-m', ...args]
  const { root } = places
  const sources = ['python/pixelllm', 'tests/python']
  const config = ['--config', 'python/pyproject.toml']
  const jestReport = join(places.notes, 'jest.json')
  const pytestReport = join(places.notes, 'pytest.xml')

  return [
    { name: 'lint', side: 'node', cwd: root, command: run('lint') },
    { name: 'types', side: 'node', cwd: root, command: run('typecheck') },
    {
      name: 'ruff',
      side: 'python',
      cwd: root,
      command: python('ruff', 'check', ...config, ...sources, 'examples'),
    },
    {
      name: 'ruff-format',
      side: 'python',
      cwd: root,
      command: python('ruff', 'format', '--check', ...config, ...sources, 'examples'),
    },
    {
      name: 'mypy',
      side: 'python',
      cwd: root,
      command: python('mypy', '--config-file', 'python/pyproject.toml', ...sources),
    },
    {
      name: 'jest',
      side: 'node',
      cwd: root,
      command: run('jest', '--', '--json', `--outputFile=${jestReport}`, `--maxWorkers=${workers}`),
      report: jestReport,
    },
    {
      name: 'pytest',
      side: 'python',
      cwd: places.python,
      command: python('pytest', '-n', workers, '--dist', 'loadfile', `--junitxml=${pytestReport}`),
      report: pytestReport,
    },
  ]
}

/**
 * @param {Part[]} parts
 * @param {string[]} args of the command line: none, or `--only` and names of parts or sides with commas
 *   between
 * @returns {Part[] | string} those to run, or what may be said where something else was said
 */
export function chooseParts(parts, args) {
  if (args.length === 0) return parts
  const known = [...new Set(parts.flatMap(({ side, name }) => [side, name]))].sort()
  const [option, list = '', ...rest] = args
  const wanted = list.split(',')
  if (option !== '--only' || rest.length > 0 || wanted.some((name) => !known.includes(name))) {
    return `npm test takes: -- --only <${known.join('|')}>, several with commas between`
  }
  return parts.filter(({ side, name }) => wanted.includes(side) || wanted.includes(name))
}
