import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { beginStep, begunMark, endStep, hashOf, readStamp, writeStamp } from './stamp.mjs'

/** @typedef {import('./steps.mjs').Ground} Ground */
/** @typedef {import('./steps.mjs').Step} Step */

/** npm goes on to exit code 0 when it could not unpack a package, for example on a full disk. */
const NOT_UNPACKED = /TAR_ENTRY_ERROR/

/** `npm start --silent` must not take the reason of a failure with it. */
const LOUD = '--loglevel=notice'

/** What `npm run build` reads. */
const BUILD_SOURCES = ['schemas', 'worker-bridge', 'api', 'tsconfig.json', 'tsconfig.build.json']

/** What `npm run build:playground` reads. */
const PLAYGROUND_SOURCES = ['playground', 'sdk/src', 'samples', 'tsconfig.json']
/** What `npm run build:cli` reads. */
const CLI_SOURCES = ['sdk', 'cli'].flatMap((name) => [`${name}/src`, `${name}/tsconfig.json`])

/**
 * `npm ci`, but not where node_modules already holds what package-lock.json says, whoever put it there.
 *
 * @param {Ground} ground
 * @returns {Step}
 */
export function npmPackages({ places, env }) {
  const stampFile = join(places.nodeModules, '.set-up')
  const beginning = join(places.notes, 'npm-packages') // npm ci empties node_modules first
  const platform = `${process.platform}-${process.arch}`
  const from = () => `${platform} ${hashOf(places.root, [places.packageLock])}`

  return {
    title: 'npm packages',
    isDone: () => readStamp(stampFile)?.from === from(),
    async work(run) {
      const stamp = readStamp(stampFile)
      const ofThisPlatform = stamp === undefined || stamp.from.startsWith(`${platform} `)
      const isWhole = !existsSync(begunMark(beginning)) && isInstalled(places)
      if (!ofThisPlatform || !isWhole) {
        beginStep(beginning)
        // NODE_ENV=production would leave out the packages that build the server.
        const install = [...npm(env), 'ci', '--include=dev', '--no-audit', '--no-fund', LOUD]
        await run('npm ci', install, { failure: NOT_UNPACKED })
        endStep(beginning)
      }
      writeStamp(stampFile, { from: from() })
    },
  }
}

/**
 * The server in `dist`, from TypeScript.
 *
 * @param {Ground} ground
 * @returns {Step}
 */
export function build(ground) {
  const { dist } = ground.places
  return buildStep(ground, { folder: dist, title: 'build', script: 'build', reads: BUILD_SOURCES })
}

/**
 * The page that the server shows at `/`. It lies inside `dist`, so it comes after the build.
 *
 * @param {Ground} ground
 * @returns {Step}
 */
export function playground(ground) {
  return buildStep(ground, {
    folder: ground.places.playground,
    title: 'playground',
    script: 'build:playground',
    reads: PLAYGROUND_SOURCES,
  })
}

/**
 * The program `pixelllm`, and the client that it is made of.
 *
 * @param {Ground} ground
 * @returns {Step}
 */
export function commandLine(ground) {
  return buildStep(ground, {
    folder: ground.places.cli,
    title: 'command line',
    script: 'build:cli',
    reads: [...CLI_SOURCES, 'tsconfig.json'],
  })
}

/**
 * A folder that an npm script makes anew whenever what it reads has changed.
 *
 * @param {Ground} ground
 * @param {{ folder: string, title: string, script: string, reads: string[] }} build
 * @returns {Step}
 */
function buildStep({ places, env }, { folder, title, script, reads }) {
  const stampFile = join(folder, '.set-up')
  const sources = [...reads.map((name) => join(places.root, name)), places.packageLock]
  const from = () => hashOf(places.root, sources)

  return {
    title,
    isDone: () => readStamp(stampFile)?.from === from(),
    async work(run) {
      const built = from() // before anything is read: a file saved meanwhile is built next time
      rmSync(folder, { recursive: true, force: true })
      await run(`npm run ${script}`, [...npm(env), 'run', script, LOUD])
      writeStamp(stampFile, { from: built })
    },
  }
}

/**
 * @param {Pick<import('./places.mjs').Places, 'packageLock' | 'nodeModules'>} places
 * @returns {boolean} whether the list that npm leaves in node_modules, as its last act, has every
 *   package of package-lock.json
 */
export function isInstalled({ packageLock, nodeModules }) {
  const wanted = packagesIn(packageLock)
  const found = packagesIn(join(nodeModules, '.package-lock.json'))
  if (wanted === undefined || found === undefined) return false

  return Object.entries(wanted).every(([path, { version, optional, devOptional }]) => {
    if (!path.includes('node_modules/')) return true // the root, and the workspaces themselves
    const match = found[path]
    return match === undefined ? Boolean(optional || devOptional) : match.version === version
  })
}

/**
 * @typedef {{ version?: string, optional?: boolean, devOptional?: boolean }} LockedPackage
 * @param {string} file in the form of package-lock.json
 * @returns {Record<string, LockedPackage> | undefined} by path; undefined where it cannot be read
 */
function packagesIn(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages
  } catch {
    return undefined
  }
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {string[]} how to start npm: the one that started us, where one did
 */
export function npm(env) {
  const script = env.npm_execpath
  return script?.endsWith('npm-cli.js') && existsSync(script) ? [process.execPath, script] : ['npm']
}
