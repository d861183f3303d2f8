import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { pino } from 'pino'
import {
  CheckFailure,
  type CheckOptions,
  type CheckOutcome,
  checkDataset,
} from '../../../api/datasets/check-process.ts'
import type { CheckLine } from '../../../schemas/index.ts'
import { gone, until } from '../../worker-bridge/fixtures/processes.ts'

const GIB = 2 ** 30

let folder: string
let heard: CheckLine[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelllm-check-'))
  heard = []
})

afterEach(() => rm(folder, { recursive: true, force: true }))

/** Checks with a program in place of Python, to see what is done about one that misbehaves. */
async function check(
  script: string,
  options: Partial<CheckOptions> = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<CheckOutcome> {
  const python = join(folder, 'python')
  await writeFile(python, `#!/bin/sh\n${script}\n`)
  await chmod(python, 0o700)
  const usual = { python, timeout_ms: 30_000, max_memory_bytes: GIB, log: pino({ enabled: false }) }
  return checkDataset(folder, (line) => void heard.push(line), { ...usual, ...options }, signal)
}

/** A child of the program that would go on for long, and the file that names it. */
function lasting(): { script: string; pid: () => Promise<number> } {
  const path = join(folder, 'pid')
  const read = async (): Promise<string> => readFile(path, 'utf8').catch(() => '')
  return {
    script: `sleep 1000 & echo $! > ${path}.new; mv ${path}.new ${path}; wait`,
    pid: async () => {
      await until(async () => (await read()) !== '')
      return Number(await read())
    },
  }
}

test('a check that goes on for too long is ended with its children', async () => {
  const { script, pid } = lasting()

  const checking = check(script, { timeout_ms: 1500 })
  const child = await pid()

  await expect(checking).resolves.toEqual({ stopped: 'the check took longer than 1.5 s' })
  await gone(child)
})

test('a check that nobody wants any more is ended with its children', async () => {
  const { script, pid } = lasting()
  const stop = new AbortController()
  const checking = check(script, {}, stop.signal)
  const child = await pid()

  stop.abort(new Error('enough'))

  await expect(checking).rejects.toThrow('enough')
  await gone(child)
})

test('a check that crashes says something about the dataset', async () => {
  await expect(check('kill -SEGV $$')).resolves.toEqual({
    stopped: 'the check was ended by SIGSEGV',
  })
})

test.each(['exit 1', 'echo "{\\"type\\": \\"end\\"}"', 'echo nonsense'])(
  'a check that does not end as agreed says nothing about it: %s',
  async (script) => {
    await expect(check(script)).rejects.toThrow(CheckFailure)
  },
)

test('a Python that is not there is said', async () => {
  const python = join(folder, 'none')

  await expect(check('', { python })).rejects.toThrow(/cannot be started: .*ENOENT/)
})

test('what it heard before its end is kept', async () => {
  const error = { type: 'error', error: { file: 'data.jsonl', line: 1, message: 'm' } }

  await check(`echo '${JSON.stringify(error)}'; echo '{"type": "err'; kill -9 $$`)

  expect(heard).toEqual([error])
})
