import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const LOADED_WITHIN_MS = 120_000

let folder: string
let npm: ChildProcess

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'npm-start-'))
  const env = {
    ...process.env,
    PIXELLLM_PORT: '0',
    PIXELLLM_THREADS: '1',
    PIXELLLM_DATA_DIR: folder,
    PIXELLLM_LOG_LEVEL: 'warn',
  }
  npm = spawn('npm', ['start'], { env, stdio: ['ignore', 'pipe', 'inherit'] })
})

afterEach(async () => {
  if (npm.exitCode === null && npm.signalCode === null) {
    npm.kill('SIGTERM')
    await once(npm, 'exit')
  }
  rmSync(folder, { recursive: true })
})

/** The address in the line that says where the server listens. */
async function addressFrom({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) throw new TypeError('npm has no output')
  for await (const line of createInterface({ input: stdout })) {
    const address = /listens on (http:\S+)/.exec(line)?.[1]
    if (address !== undefined) return address
  }
  throw new Error('npm ended without naming an address')
}

test(
  'npm start names an address that answers, and a SIGTERM to npm ends the server itself',
  async () => {
    const address = await addressFrom(npm)
    const { status } = await fetch(`${address}/readyz`)

    npm.kill('SIGTERM')
    const [code] = await once(npm, 'exit')

    expect(status).toBe(200)
    expect(code).toBe(0)
    await expect(fetch(`${address}/healthz`)).rejects.toThrow('fetch failed')
  },
  LOADED_WITHIN_MS,
)
