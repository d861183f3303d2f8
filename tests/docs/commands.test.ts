/** Every command and every program of the documents, run as it stands; the clients' have a test of their own. */
import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { type Block, blocksOf } from '../helpers/documents.ts'
import { ServerProcess } from '../helpers/server-process.ts'

jest.setTimeout(240_000)

const ADDRESS = 'http://127.0.0.1:8080'
/** One after the other: the server keeps what they send. */
const DOCUMENTS = [
  'docs/training-service.md',
  'docs/operations.md',
  'docs/datasets.md',
  'docs/training-data.md',
  'docs/training.md',
  'docs/evaluation.md',
  'docs/caption-metrics.md',
  'docs/model.md',
  'README.md',
]
/** Their blocks are run by blocks.test.ts. */
const CLIENTS = ['docs/python-client.md']
const LINKED = ['.venv', 'python', 'samples']
/** The blocks of the README that have a test of their own. */
const OTHERS = /^curl|^npm|npx pixelllm|examples\/|import \{/

/** What takes minutes is made short, and what starts a server is left to other tests. */
const SHORTER: readonly (readonly [RegExp, string])[] = [
  [/--scenes \d+/g, '--scenes 6'],
  [/--train \d+/g, '--train 8'],
  [/--val \d+/g, '--val 6'],
  [/"steps": \d+/g, '"steps": 2'],
  [/--set steps=\d+/g, '--set steps=2'],
  [/--set batch_size=\d+/g, '--set batch_size=2'],
  [/^.*\bnpm start$/gm, ''],
]

/** What replies name, by the variable that stands for it in later commands. */
const NAMED = {
  DATASET: /"id":\s*"(ds_\w+)"/,
  JOB: /"id":\s*"(job_\w+)"/,
  MODEL: /"model":\s*"(tiny-new-things-\w+)"/,
  CHECKPOINT: /"id":\s*"(step-\d+)"/,
}

let address: string
const kept: Record<string, string> = {}

beforeAll(async () => {
  const server = await ServerProcess.start()
  address = await server.address()
})

afterAll(() => ServerProcess.killAll())

test('no document has commands that nothing runs', () => {
  const runs = new Set([...DOCUMENTS, ...CLIENTS])
  const others = readdirSync('docs')
    .filter((name) => name.endsWith('.md') && !runs.has(`docs/${name}`))
    .flatMap((name) => blocksOf(`docs/${name}`))

  expect(others.filter(({ notRun }) => notRun === undefined)).toEqual([])
})

describe.each(DOCUMENTS)('%s', (document) => {
  let folder: string
  const blocks = blocksOf(document).filter(
    ({ file, code, notRun }) =>
      notRun === undefined && !(file === 'README.md' && OTHERS.test(code)),
  )

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pixelllm-docs-'))
    for (const name of LINKED) await symlink(resolve(name), join(folder, name))
    await run('.venv/bin/python -m pixelllm.data write-plain data/mine --scenes 4', folder)
  })

  afterAll(() => rm(folder, { recursive: true, force: true }))

  test.each(blocks)('runs $code', async (block) => {
    const stdout = await run(commandOf(block), folder)

    for (const [name, pattern] of Object.entries(NAMED)) {
      const [, found] = pattern.exec(stdout) ?? []
      if (found !== undefined) kept[name] = found
    }
    if (block.printed !== undefined) expect(stdout).toBe(block.printed)
  })
})

function commandOf({ language, code }: Block): string {
  if (language === 'python') return `.venv/bin/python - <<'END'\n${code}END`
  const here = code
    .replaceAll(ADDRESS, address)
    .replaceAll('/data/', 'data/')
    .replaceAll(/^(\s*)curl /gm, '$1curl --silent --show-error --fail-with-body ')
  return SHORTER.reduce((text, [long, short]) => text.replaceAll(long, short), here)
}

/** As a person would run it. */
async function run(command: string, cwd: string): Promise<string> {
  const { stdout } = await promisify(execFile)('sh', ['-ec', command], {
    cwd,
    env: { ...process.env, ...kept },
    maxBuffer: 64 * 2 ** 20,
  })
  return stdout
}
