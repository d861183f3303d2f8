import { ApiError, ConnectionError, PixelLLM, TimeoutError } from '@pixelllm/sdk'
import { Arguments, type Options } from './arguments.ts'
import type { Command } from './command.ts'
import { commands } from './commands/index.ts'
import { helpOf, overview } from './help.ts'
import type { Terminal } from './terminal.ts'
import { UsageError } from './usage-error.ts'

/** What the program ends with. */
export const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const

const ADDRESS = 'http://127.0.0.1:8080'

/** Options of every command. */
const COMMON: Options = {
  url: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean' },
}

/** Runs a command line; resolves with the exit code. */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    return await start(args, terminal)
  } catch (error) {
    if (terminal.signal.aborted) return EXIT.interrupted
    if (error instanceof UsageError) {
      terminal.err.write(`pixelllm: ${error.message}\nTry: pixelllm --help\n`)
      return EXIT.usage
    }
    terminal.err.write(`pixelllm: ${sentenceOf(error)}\n`)
    return EXIT.failed
  }
}

async function start(args: readonly string[], terminal: Terminal): Promise<number> {
  const { name, command, rest } = find(args)
  if (command === undefined) {
    if (name !== '' && name !== 'help' && !args.includes('--help')) {
      throw new UsageError(`there is no command ${name}`)
    }
    terminal.out.write(overview(commands))
    return EXIT.ok
  }
  const parsed = Arguments.parse(rest, { ...COMMON, ...command.options })
  if (parsed.flag('help')) {
    terminal.out.write(helpOf(name, command))
    return EXIT.ok
  }
  const baseUrl = parsed.text('url') ?? (terminal.env.PIXELLLM_URL || ADDRESS)
  if (!URL.canParse(baseUrl)) throw new UsageError(`${baseUrl} is no address of a server`)
  const client = new PixelLLM({ baseUrl, retries: 4 })
  return EXIT[await command.run({ args: parsed, client, terminal, json: parsed.flag('json') })]
}

/** Names of commands have one word or two. */
function find(args: readonly string[]): {
  name: string
  command: Command | undefined
  rest: readonly string[]
} {
  for (const count of [2, 1]) {
    const name = args.slice(0, count).join(' ')
    const command = commands.get(name)
    if (command !== undefined) return { name, command, rest: args.slice(count) }
  }
  const words = args.filter((arg) => !arg.startsWith('-'))
  return { name: words.slice(0, 2).join(' '), command: undefined, rest: [] }
}

function sentenceOf(error: unknown): string {
  if (error instanceof ApiError) {
    const fields = (error.problem.errors ?? []).map((one) => `${one.pointer}: ${one.message}`)
    // The first is often what the message says.
    const more = fields.filter((field) => !error.message.includes(field))
    return [`${error.message} (${error.code})`, ...more].join('\n  ')
  }
  if (error instanceof ConnectionError || error instanceof TimeoutError) {
    return `${error.message}; is the server running? --url or PIXELLLM_URL says where it is`
  }
  return error instanceof Error ? error.message : String(error)
}
