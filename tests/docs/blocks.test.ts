/** Every block of code of the clients' documents, run as it stands. */
import { execFile, execFileSync } from 'node:child_process'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { commandLine } from '../../scripts/setup/node-steps.mjs'
import { placesOf, ROOT } from '../../scripts/setup/places.mjs'
import { readSettings } from '../../scripts/setup/settings.mjs'
import { type Block, blocksOf } from '../helpers/documents.ts'
import { ServerProcess } from '../helpers/server-process.ts'
import { sceneArchive } from '../helpers/training-service.ts'

jest.setTimeout(180_000)

const run = promisify(execFile)
const ADDRESS = 'http://127.0.0.1:8080'
/** What takes minutes is made short. */
const STEPS = /(?<=steps(?:=|: ))\d+/g
const LINKED = ['node_modules', '.venv', 'samples', 'examples', 'openapi.yaml']

const documents = ['README.md', 'sdk/README.md', 'cli/README.md', 'docs/python-client.md']
const blocks = documents.flatMap(blocksOf)
const typescript = blocks.filter(({ language }) => language === 'ts')
// Those that ask with curl have a test of their own.
const shell = blocks.filter(({ code }) => /npx pixelllm |examples\//.test(code))
/** What is printed where the document does not say it. */
const ANSWER =
  /a purple boat, |"caption": "a .*"mask": \{"size": \[354, 480\]|\d+ regions in|\btiny-(?:boats|pictures)-/s

let folder: string
let address: string

beforeAll(async () => {
  const ground = { places: placesOf(ROOT), settings: readSettings({}), env: process.env }
  if (!commandLine(ground).isDone()) throw new Error('cli/dist is stale: npm run setup')
  folder = await mkdtemp(join(tmpdir(), 'pixelllm-docs-'))
  for (const name of LINKED) await symlink(resolve(name), join(folder, name))
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  await writeFile(join(folder, 'boats.tar.gz'), (await sceneArchive(8)).stream())
  address = await (await ServerProcess.start()).address()
})

afterAll(async () => {
  await ServerProcess.killAll()
  await rm(folder, { recursive: true })
})

// Each begins without what another has answered.
beforeEach(() => rm(join(folder, 'answers.jsonl'), { force: true }))

describe.each(typescript)('$file: $code', (block) => {
  test('prints what it says', async () => {
    const file = join(folder, `${typescript.indexOf(block)}.ts`)
    await writeFile(file, codeOf(block))

    const tsx = resolve('node_modules/tsx/dist/cli.mjs')
    const { stdout } = await run(process.execPath, [tsx, file], { cwd: folder })

    if (block.printed !== undefined) expect(stdout).toBe(block.printed)
  })
})

test('TypeScript has the right types', async () => {
  for (const [index, { code }] of typescript.entries()) {
    await writeFile(join(folder, `types-${index}.ts`), code)
  }
  const strict = { strict: true, noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true }
  const target = { target: 'es2022', module: 'nodenext', types: ['node'] }
  const compilerOptions = { ...strict, ...target, noEmit: true, skipLibCheck: true }
  const config = { compilerOptions, include: ['types-*.ts'] }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config))

  const tsc = [resolve('node_modules/typescript/bin/tsc'), '-p', '.']
  const checked = run(process.execPath, tsc, { cwd: folder })
  const { stdout } = await checked.catch((error: { stdout: string }) => error)

  expect(stdout).toBe('')
})

describe.each(shell)('$file: $code', (block) => {
  const possible = !block.code.includes('draw.py') || hasSupervision()
  const testWhenPossible = possible ? test : test.skip

  testWhenPossible('prints what it says', async () => {
    const program = `${process.execPath} ${resolve('cli/bin/pixelllm.js')}`
    const command = codeOf(block)
      .replaceAll('npx pixelllm', program)
      .replaceAll('PYTHONPATH=client', 'PYTHONPATH=client:$PYTHONPATH')

    const { stdout } = await run('sh', ['-ec', command], {
      cwd: folder,
      env: { ...process.env, PIXELLLM_URL: address, BROWSER: 'true' },
    })

    if (block.printed !== undefined) expect(stdout).toBe(block.printed)
    else expect(stdout).toMatch(ANSWER)
  })
})

function codeOf({ code }: Block): string {
  return code.replaceAll(ADDRESS, address).replaceAll(STEPS, '2')
}

/** It is optional: python/requirements-supervision.txt. */
function hasSupervision(): boolean {
  try {
    execFileSync(placesOf(ROOT).venvPython, ['-c', 'import supervision'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
