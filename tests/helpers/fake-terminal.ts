import { run } from '../../cli/src/run.ts'
import type { Ended } from './command-line.ts'

interface Options {
  /** Whether a person looks at it. */
  readonly isTTY?: boolean
  readonly signal?: AbortSignal
  readonly env?: Record<string, string>
}

/** Runs a command line in this process. */
export async function runHere(
  url: string,
  args: readonly string[],
  { isTTY = false, signal = new AbortController().signal, env = {} }: Options = {},
): Promise<Ended> {
  const out: string[] = []
  const err: string[] = []
  const code = await run(args, {
    out: { isTTY, write: (text) => out.push(text) },
    err: { isTTY, write: (text) => err.push(text) },
    env: { PIXELLLM_URL: url, ...env },
    signal,
  })
  return { code, out: out.join(''), err: err.join('') }
}
