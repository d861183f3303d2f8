import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { commandLine } from '../../scripts/setup/node-steps.mjs'
import { placesOf, ROOT } from '../../scripts/setup/places.mjs'
import { readSettings } from '../../scripts/setup/settings.mjs'

export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

interface Started {
  readonly ended: Promise<Ended>
  /** The first line that it writes. */
  readonly line: Promise<string>
  interrupt(): void
}

/** Runs `pixelllm` as set-up has built it. */
export function pixelllm(url: string, args: readonly string[], env = {}): Promise<Ended> {
  return startPixelllm(url, args, env).ended
}

export function startPixelllm(url: string, args: readonly string[], env = {}): Started {
  requireFreshBuild()
  const child = spawn(process.execPath, ['cli/bin/pixelllm.js', ...args], {
    env: { ...process.env, PIXELLLM_URL: url, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = async (): Promise<Ended> => {
    const [out, err, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ])
    return { code, out, err }
  }
  const line = async (): Promise<string> => {
    const lines = createInterface({ input: child.stdout })
    const [first]: unknown[] = await once(lines, 'line', { signal: AbortSignal.timeout(60_000) })
    return String(first)
  }
  const started = line()
  started.catch(() => undefined) // where nobody waits for it
  return { ended: ended(), line: started, interrupt: () => void child.kill('SIGINT') }
}

function requireFreshBuild(): void {
  const ground = { places: placesOf(ROOT), settings: readSettings({}), env: process.env }
  if (!commandLine(ground).isDone()) throw new Error('cli/dist is stale: npm run setup')
}
