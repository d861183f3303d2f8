// Follows the Dockerfile step by step where there is no container engine, as root on Linux:
//
//   node docker/check.mjs [--bind PATH]...
//
// Each stage is a folder of its own, whose programs are those of this machine: its system folders are
// there to be read, and so is each PATH that is named (a Python elsewhere, a local index of packages).
// What is installed with apt-get is therefore not installed, and what it would have been is not checked.
// At the end the server runs as the image would run it, and is asked for its health.
import { spawn, spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { readStages, readWords } from './read-dockerfile.mjs'

const CONTEXT = fileURLToPath(new URL('..', import.meta.url))
/** Of this machine, to be read. */
const SYSTEM = ['/usr', '/bin', '/sbin', '/lib', '/lib64', '/etc']
/** Given on to the steps, so that packages come from where they come from here. */
const GIVEN_ON = /^(PATH|PIP_.*|npm_config_.*|.*_proxy|.*_PROXY|SSL_CERT_FILE|NODE_EXTRA_CA_CERTS)$/
const USERS = 'root:x:0:0::/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n'
const GROUPS = 'root:x:0:\nnode:x:1000:\n'
const READY_MS = 300_000

const { values } = parseArgs({ options: { bind: { type: 'string', multiple: true, default: [] } } })
const work = mkdtempSync(join(tmpdir(), 'pixelllm-image-'))
process.on('exit', () => rmSync(work, { recursive: true, force: true }))

/**
 * @typedef {object} Image
 * @property {string} root
 * @property {string} cwd
 * @property {string} user
 * @property {Record<string, string>} env
 * @property {string[]} entrypoint
 * @property {string[]} command
 * @property {string[]} health
 */

/** @type {Map<string, Image>} */
const images = new Map()
let last = ''
for (const stage of readStages(readFileSync(join(CONTEXT, 'docker/Dockerfile'), 'utf8'))) {
  say(`== ${stage.name}`)
  const image = beginStage(stage.name, images.get(stage.from))
  for (const step of stage.steps) follow(step, image)
  images.set(stage.name, image)
  last = stage.name
}
const server = images.get(last)
if (server === undefined) throw new Error('the Dockerfile has no stage')
await tryServer(server)
say('every step that could be followed succeeded')

/**
 * @param {string} name
 * @param {Image | undefined} base
 * @returns {Image}
 */
function beginStage(name, base) {
  const root = join(work, name)
  if (base !== undefined) {
    cpSync(base.root, root, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true })
    return { ...base, root, env: { ...base.env } }
  }
  for (const folder of ['dev', 'proc', 'tmp', 'root', ...SYSTEM]) {
    mkdirSync(join(root, folder), { recursive: true })
  }
  const given = Object.entries(process.env).filter(([key]) => GIVEN_ON.test(key))
  const env = Object.fromEntries(given.map(([key, value]) => [key, value ?? '']))
  return { root, cwd: '/', user: 'root', env, entrypoint: [], command: [], health: [] }
}

/**
 * @param {import('./read-dockerfile.mjs').Step} step
 * @param {Image} image
 */
function follow({ instruction, text }, image) {
  switch (instruction) {
    case 'RUN':
      return run(text, image)
    case 'COPY':
      return copy(text.split(/\s+/), image)
    case 'WORKDIR':
      image.cwd = text
      mkdirSync(join(image.root, text), { recursive: true })
      return
    case 'ENV':
    case 'ARG':
      for (const word of text.split(/\s+/)) {
        const [key = '', ...value] = word.split('=')
        if (instruction === 'ENV') image.env[key] = value.join('=')
        else image.env[key] = process.env[key] ?? value.join('=')
      }
      return
    case 'USER':
      image.user = text
      return
    case 'ENTRYPOINT':
      image.entrypoint = readWords(text)
      return
    case 'CMD':
      image.command = readWords(text)
      return
    case 'HEALTHCHECK':
      image.health = readWords(text.slice(text.indexOf('CMD') + 'CMD'.length))
      return
    case 'EXPOSE':
    case 'VOLUME':
      return
    default:
      throw new Error(`${instruction} is not known here: add it to docker/check.mjs`)
  }
}

/**
 * @param {string} command
 * @param {Image} image
 */
function run(command, image) {
  if (command.startsWith('apt-get')) return say(`not run: ${command}`)
  say(`RUN ${command}`)
  const [program, ...words] = inside(image, ['sh', '-c', command])
  const { status } = spawnSync(program, words, { stdio: 'inherit' })
  if (status !== 0) throw new Error(`the step ended with ${status}: ${command}`)
}

/**
 * @param {string[]} words
 * @param {Image} image
 */
function copy(words, image) {
  say(`COPY ${words.join(' ')}`)
  const [option = '', source = '', target = ''] = words.length === 3 ? words : ['', ...words]
  const to = join(image.root, target.startsWith('/') ? target : join(image.cwd, target))
  const from = images.get(option.replace('--from=', ''))
  if (from !== undefined) {
    const options = { recursive: true, verbatimSymlinks: true, preserveTimestamps: true }
    cpSync(join(from.root, source), to, options)
    return
  }
  for (const file of contextFiles()) {
    mkdirSync(dirname(join(to, file)), { recursive: true })
    cpSync(join(CONTEXT, file), join(to, file))
  }
}

/** The files of the context, without those of .dockerignore; git tells which there are. */
function contextFiles() {
  const ignored = readFileSync(join(CONTEXT, '.dockerignore'), 'utf8').trim().split('\n')
  const options = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
  const { stdout } = spawnSync('git', options, { cwd: CONTEXT, encoding: 'utf8' })
  return stdout.split('\0').filter((file) => {
    const isThere = file !== '' && existsSync(join(CONTEXT, file))
    return isThere && !ignored.some((pattern) => isUnder(file, pattern))
  })
}

/**
 * @param {string} file
 * @param {string} pattern a path, or a name at any depth behind the stars
 */
function isUnder(file, pattern) {
  if (!pattern.startsWith('**/')) return file === pattern || file.startsWith(`${pattern}/`)
  const name = pattern.slice(3).replaceAll('.', '\\.').replaceAll('*', '[^/]*')
  return new RegExp(`(^|/)${name}(/|$)`).test(file)
}

/**
 * The command line that runs a program with the stage as its file system, in name spaces of its own.
 *
 * @param {Image} image
 * @param {string[]} command
 * @returns {[string, ...string[]]}
 */
function inside(image, command) {
  const users = join(work, 'passwd')
  const groups = join(work, 'group')
  writeFileSync(users, USERS)
  writeFileSync(groups, GROUPS)
  const bound = [...SYSTEM, '/dev', '/proc', ...values.bind].filter((path) => existsSync(path))
  const mounts = [
    ...bound.map(
      (path) =>
        `mkdir -p "$R$(dirname ${path})"; ${place(path)}; mount --rbind ${path} "$R${path}"`,
    ),
    `mount --bind ${users} "$R/etc/passwd"`,
    `mount --bind ${groups} "$R/etc/group"`,
    'mount -t tmpfs -o mode=1777 tmpfs "$R/tmp"',
  ]
  const variables = Object.entries(image.env).map(([key, value]) => `${key}=${value}`)
  const user = image.user === 'root' ? '0:0' : '1000:1000'
  const script = `set -e; R=$1; shift; ${mounts.join('; ')}; exec chroot --userspec=${user} "$R" env -i -C ${image.cwd} "$@"`
  // No process stands between this one and the program: signals and exit codes are its own.
  const words = ['sh', '-c', script, 'sh', image.root, 'HOME=/tmp', ...variables, ...command]
  return ['unshare', '--mount', ...words]
}

/** @param {string} path */
function place(path) {
  return `if [ -d ${path} ]; then mkdir -p "$R${path}"; else touch "$R${path}"; fi`
}

/** @param {Image} image */
async function tryServer(image) {
  const port = await freePort()
  const running = {
    ...image,
    env: { ...image.env, PIXELLLM_PORT: port, PIXELLLM_HOST: '127.0.0.1' },
  }
  const hasInit = existsSync(`/usr/bin/${image.entrypoint[0]}`)
  if (!hasInit) say(`not run: ${image.entrypoint.join(' ')}`)
  const command = [...(hasInit ? image.entrypoint : []), ...image.command]
  say(`CMD ${command.join(' ')}`)
  const [program, ...words] = inside(running, command)
  const child = spawn(program, words, { stdio: 'inherit' })
  /** @type {Promise<number | null>} */
  const ended = new Promise((resolve) => child.once('exit', resolve))
  try {
    await healthy(running, Date.now() + READY_MS)
    say('HEALTHCHECK succeeds')
    const form = new FormData()
    form.append(
      'image',
      new Blob([readFileSync(join(CONTEXT, 'samples/street.png'))]),
      'street.png',
    )
    const reply = await fetch(`http://127.0.0.1:${port}/v1/caption`, { method: 'POST', body: form })
    say(`POST /v1/caption answers ${reply.status}: ${(await reply.text()).slice(0, 100)}...`)
    if (!reply.ok) throw new Error('the server did not answer')
  } finally {
    child.kill('SIGTERM')
  }
  const code = await ended
  say(`after SIGTERM it ends with ${code}`)
  if (code !== 0) throw new Error('the server did not end as it should')
}

/**
 * @param {Image} image
 * @param {number} end_ms
 */
async function healthy(image, end_ms) {
  const [program, ...words] = inside(image, image.health)
  while (spawnSync(program, words).status !== 0) {
    if (Date.now() > end_ms) throw new Error('the server did not become ready')
    await sleep(1000)
  }
}

/** @returns {Promise<string>} */
function freePort() {
  return new Promise((resolve) => {
    const listener = createServer().listen(0, '127.0.0.1', () => {
      const address = listener.address()
      listener.close(() => resolve(String(typeof address === 'object' ? address?.port : '')))
    })
  })
}

/** @param {string} text */
function say(text) {
  process.stdout.write(`${text}\n`)
}
