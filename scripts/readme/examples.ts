/** The examples of the README: commands with curl, each followed by what the server really replies. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { formatReply } from './format-reply.ts'

/** The address in the README. */
const ADDRESS = 'http://127.0.0.1:8080'

/** A block of shell with a curl command in it, and the block of its reply where there is one. */
const EXAMPLE =
  /^```sh\n(?<shell>(?:(?!```).*\n)*?(?:curl(?:(?!```).*\n)+?))```\n(?:\n```(?:json|text)\n(?<reply>(?:(?!```).*\n)*)```\n)?/gm

export interface Example {
  /** The command, from `curl` on. */
  readonly command: string
  /** What the README says that it prints; undefined where it says nothing yet. */
  readonly reply: string | undefined
}

export function examplesIn(readme: string): Example[] {
  return Array.from(readme.matchAll(EXAMPLE), exampleOf)
}

/** The README with the reply of every example as `ask` gives it. */
export async function withReplies(
  readme: string,
  ask: (example: Example) => Promise<string>,
): Promise<string> {
  const pieces: string[] = []
  let end = 0
  for (const match of readme.matchAll(EXAMPLE)) {
    const reply = await ask(exampleOf(match))
    const language = reply.startsWith('{') ? 'json' : 'text'
    const shell = match.groups?.shell ?? ''
    pieces.push(readme.slice(end, match.index))
    pieces.push(`\`\`\`sh\n${shell}\`\`\`\n\n\`\`\`${language}\n${reply}\`\`\`\n`)
    end = match.index + match[0].length
  }
  return [...pieces, readme.slice(end)].join('')
}

function exampleOf({ groups }: RegExpMatchArray): Example {
  const shell = groups?.shell ?? ''
  return { command: shell.slice(shell.indexOf('curl ')).trim(), reply: groups?.reply }
}

/** Runs the command against the server at `address`; resolves with the reply as the README shows it. */
export async function run({ command }: Example, address: string): Promise<string> {
  const here = command.replace('curl ', 'curl --silent --show-error ').replace(ADDRESS, address)
  const { stdout } = await promisify(execFile)('sh', ['-c', here])
  return stdout.startsWith('{') ? formatReply(JSON.parse(stdout)) : `${stdout.trimEnd()}\n`
}
