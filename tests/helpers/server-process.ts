import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { build } from '../../scripts/setup/node-steps.mjs'
import { placesOf, ROOT } from '../../scripts/setup/places.mjs'
import { readSettings } from '../../scripts/setup/settings.mjs'

const SERVER = 'dist/api/server.js'

export interface Exit {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The built server as a process of its own, as `npm start` runs it after the set-up. */
export class ServerProcess {
  static readonly #running = new Set<ServerProcess>()
  readonly exited: Promise<Exit>
  readonly #child: ChildProcess
  readonly #out: string[] = []
  readonly #err: string[] = []

  private constructor(child: ChildProcess, folder: string) {
    this.#child = child
    ServerProcess.#running.add(this)
    keepLines(child.stdout, this.#out)
    keepLines(child.stderr, this.#err)
    this.exited = this.#exit(folder)
  }

  /** Starts it on a free port with a data folder of its own. */
  static async start(settings: Record<string, string> = {}): Promise<ServerProcess> {
    requireFreshBuild()
    const folder = await mkdtemp(join(tmpdir(), 'pixelllm-server-'))
    const env = {
      ...process.env,
      PIXELLLM_PORT: '0',
      PIXELLLM_MODEL: 'tiny',
      PIXELLLM_DEVICE: 'cpu',
      PIXELLLM_THREADS: '1',
      PIXELLLM_DATA_DIR: folder,
      ...settings,
    }
    const child = spawn(process.execPath, [SERVER], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    return new ServerProcess(child, folder)
  }

  /** Kills those that a failed test left. */
  static async killAll(): Promise<void> {
    for (const server of ServerProcess.#running) server.signal('SIGKILL')
    await Promise.all([...ServerProcess.#running].map(({ exited }) => exited))
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('the server did not start')
    return this.#child.pid
  }

  /** The lines of its log so far. */
  get log(): readonly string[] {
    return this.#err
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  /** Waits for the line that names the address. */
  async address(): Promise<string> {
    const line = await this.#line(this.#child.stdout, this.#out, /listens on (http:\S+)/)
    return /http:\S+/.exec(line)?.[0] ?? ''
  }

  /** Waits for a line of the log. */
  async logged(pattern: RegExp): Promise<string> {
    return this.#line(this.#child.stderr, this.#err, pattern)
  }

  /** The processes under it, at any depth. */
  async descendants(): Promise<number[]> {
    return descendantsOf(this.pid)
  }

  async #line(stream: ChildProcess['stdout'], lines: readonly string[], pattern: RegExp) {
    for (;;) {
      const found = lines.find((line) => pattern.test(line))
      if (found !== undefined) return found
      if (stream === null || this.#child.exitCode !== null) {
        throw new Error(`no line like ${pattern}; the log says:\n${this.#err.join('\n')}`)
      }
      await Promise.race([once(stream, 'data'), this.exited])
      // The line is kept a moment after its bytes are here.
      await new Promise(setImmediate)
    }
  }

  async #exit(folder: string): Promise<Exit> {
    const [code] = await once(this.#child, 'close')
    ServerProcess.#running.delete(this)
    await rm(folder, { recursive: true, force: true })
    return { code, stdout: this.#out.join('\n'), stderr: this.#err.join('\n') }
  }
}

function keepLines(stream: ChildProcess['stdout'], lines: string[]): void {
  if (stream !== null) createInterface({ input: stream }).on('line', (line) => lines.push(line))
}

/** These tests run what set-up built, which has to be what the sources say. */
function requireFreshBuild(): void {
  const ground = { places: placesOf(ROOT), settings: readSettings({}), env: process.env }
  if (!build(ground).isDone()) throw new Error(`${SERVER} is stale: npm run setup`)
}

async function descendantsOf(pid: number): Promise<number[]> {
  const children = new Map<number, number[]>()
  for (const name of await readdir('/proc')) {
    const parent = /^\d+$/.test(name) ? await parentOf(Number(name)) : undefined
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(name)])
  }
  const found = [...(children.get(pid) ?? [])]
  for (const child of found) found.push(...(children.get(child) ?? []))
  return found
}

async function parentOf(pid: number): Promise<number | undefined> {
  const line = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  // After the name, which may hold anything, come the state and the parent.
  const parent = line?.slice(line.lastIndexOf(')') + 2).split(' ')[1]
  return parent === undefined ? undefined : Number(parent)
}
