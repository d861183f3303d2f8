import type { PixelLLM } from '@pixelllm/sdk'
import type { Arguments, Options } from './arguments.ts'
import type { Terminal } from './terminal.ts'

/** How a command ends: `ok`, or the server or the answers were at fault. */
export type Outcome = 'ok' | 'failed'

export interface Asked {
  readonly args: Arguments
  readonly client: PixelLLM
  readonly terminal: Terminal
  /** Whether answers are for programs. */
  readonly json: boolean
}

export interface Command {
  /** What follows its name, for example `IMAGE [options]`. */
  readonly usage: string
  /** One line. */
  readonly summary: string
  /** Its options with what they mean. */
  readonly help?: readonly (readonly [option: string, meaning: string])[]
  readonly options?: Options
  run(asked: Asked): Promise<Outcome>
}

/** Writes what is for programs as JSON, and for people as the lines. */
export function print({ terminal, json }: Asked, value: unknown, lines: readonly string[]): void {
  const text = json ? JSON.stringify(value, null, 2) : lines.join('\n')
  terminal.out.write(`${text}\n`)
}
