import type { Command } from './command.ts'
import { table } from './table.ts'

type Commands = ReadonlyMap<string, Command>

const COMMON = [
  ['--url URL', 'where the server is; else PIXELLLM_URL, else http://127.0.0.1:8080'],
  ['--json', 'answers for programs'],
  ['--help', 'this'],
] as const

/** What there is. */
export function overview(commands: Commands): string {
  const rows = [...commands].map(([name, { usage, summary }]) => [`${name} ${usage}`, summary])
  return [
    'Usage: pixelllm COMMAND [options]',
    '',
    ...indent(table(rows)),
    '',
    ...indent(table(COMMON)),
    '',
    'Exit codes: 0 done, 1 the server or an answer failed, 2 wrong use, 130 interrupted.',
    '',
  ].join('\n')
}

/** How to use one. */
export function helpOf(name: string, { usage, summary, help = [] }: Command): string {
  const options = indent(table([...help, ...COMMON]))
  return [`Usage: pixelllm ${name} ${usage}`, '', summary, '', ...options, ''].join('\n')
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`)
}
