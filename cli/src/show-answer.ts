import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Answer } from '@pixelllm/sdk'
import { pageOf } from './answer-page.ts'
import type { Terminal } from './terminal.ts'

/** Writes a page with the picture and its answer and opens it in a browser. */
export async function showAnswer(path: string, answer: Answer, terminal: Terminal): Promise<void> {
  const picture = await readFile(path)
  const page = join(await mkdtemp(join(tmpdir(), 'pixelllm-')), 'answer.html')
  await writeFile(page, pageOf(picture, answer))
  const [program, ...args] = openerOf(terminal.env)
  const child = spawn(program, [...args, page], { stdio: 'ignore', detached: true })
  try {
    await once(child, 'spawn')
    child.unref()
  } catch {
    terminal.err.write(`cannot start ${program}; the page is ${page}\n`)
  }
}

function openerOf({ BROWSER }: Terminal['env']): [string, ...string[]] {
  if (BROWSER) return [BROWSER]
  if (process.platform === 'darwin') return ['open']
  // The first argument in quotation marks would be a title.
  if (process.platform === 'win32') return ['cmd', '/c', 'start', '""']
  return ['xdg-open']
}
