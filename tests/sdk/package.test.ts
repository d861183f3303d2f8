/** The packages as npm would publish them, in an empty project that has nothing else. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import ts from 'typescript'
import { commandLine, npm } from '../../scripts/setup/node-steps.mjs'
import { placesOf, ROOT } from '../../scripts/setup/places.mjs'
import { readSettings } from '../../scripts/setup/settings.mjs'
import { type Gateway, openGateway } from '../helpers/gateway.ts'

jest.setTimeout(120_000)

const run = promisify(execFile)
const [npmProgram = 'npm', ...npmArgs] = npm(process.env)

let project: string
let gateway: Gateway
let address: string

beforeAll(async () => {
  requireFreshBuild()
  project = await mkdtemp(join(tmpdir(), 'pixelllm-project-'))
  // From what is installed here, so that no registry is asked.
  const tarballs = await pack(
    'sdk',
    'cli',
    'node_modules/openapi-fetch',
    'node_modules/openapi-typescript-helpers',
    'node_modules/@xmldom/xmldom',
  )
  const manifest = { name: 'project', private: true, type: 'module' }
  await writeFile(join(project, 'package.json'), JSON.stringify(manifest))
  await runNpm(['install', '--offline', '--ignore-scripts', ...tarballs])
  gateway = await openGateway()
  address = await gateway.app.listen({ host: '127.0.0.1', port: 0 })
})

afterAll(async () => {
  await gateway.close()
  await rm(project, { recursive: true })
})

describe('@pixelllm/sdk in an empty project', () => {
  test('is whole', async () => {
    const installed = join(project, 'node_modules', '@pixelllm', 'sdk')

    const names = await readdir(installed)

    expect(names.sort()).toEqual(['LICENSE', 'README.md', 'dist', 'package.json', 'src'])
    expect(await readdir(join(project, 'node_modules'))).toEqual(
      expect.not.arrayContaining(['fastify', 'zod']),
    )
  })

  test('works in plain JavaScript', async () => {
    await writeFile(
      join(project, 'ask.js'),
      `import { decodeMask, PixelLLM, toGeminiBox } from '@pixelllm/sdk'
       import { openFile } from '@pixelllm/sdk/node'
       const client = new PixelLLM({ baseUrl: process.argv[2] })
       const image = await openFile(process.argv[3])
       const { caption } = await client.caption(image)
       const { box, mask, image: size } = await client.segment(image, { phrase: 'the circle' })
       const words = []
       for await (const word of client.streamCaption(image)) words.push(word.text)
       const pixels = decodeMask(mask).length
       console.log(JSON.stringify({ caption, words, pixels, box: toGeminiBox(box, size) }))`,
    )

    const args = ['ask.js', address, resolve('samples/street.png')]
    const { stdout, stderr } = await run(process.execPath, args, { cwd: project })

    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toEqual({
      caption: 'a circle',
      words: ['a', 'circle'],
      pixels: expect.any(Number),
      // [8, 4, 16, 12] of 480 x 354.
      box: [11, 17, 34, 33],
    })
  })

  test.each([
    { resolution: 'node16', module: 'node16', types: ['node'], lib: ['es2022'] },
    { resolution: 'bundler', module: 'esnext', types: [], lib: ['es2022', 'dom', 'dom.iterable'] },
  ])('has types for moduleResolution $resolution', async ({ resolution, module, types, lib }) => {
    const folder = join(project, resolution)
    await mkdir(folder)
    await linkNodeTypes(folder)
    const node = types.length > 0
    await writeFile(join(folder, 'good.ts'), node ? `${USE}\n${USE_NODE}` : USE)
    await writeFile(join(folder, 'bad.ts'), MISUSE)
    const options = { module, moduleResolution: resolution, types, lib, target: 'es2022' }
    const compilerOptions = { ...options, strict: true, noEmit: true, skipLibCheck: false }
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions }))

    const errors = await typeCheck(folder)

    expect(errors.map((line) => line.replace(/\(.*?: error (\w+):.*/, ' $1'))).toEqual([
      'bad.ts TS2561',
      'bad.ts TS2345',
      'bad.ts TS2339',
      'bad.ts TS2367',
    ])
  })

  test('asks a browser for nothing but openapi-fetch', async () => {
    const { files, packages } = await graphOf(
      join(project, 'node_modules/@pixelllm/sdk/dist/index.js'),
    )

    expect(packages).toEqual(['openapi-fetch'])
    expect(files.length).toBeGreaterThan(20)
    for (const file of files) {
      const code = await readFile(file, 'utf8')
      expect(code).not.toMatch(/\b(process|Buffer|require|__dirname)\b[.(]/)
    }
  })

  test('has a map to the sources that it brings along', async () => {
    const dist = join(project, 'node_modules/@pixelllm/sdk/dist')

    const { sources } = JSON.parse(await readFile(join(dist, 'client.js.map'), 'utf8'))

    expect(await readFile(join(dist, sources[0]), 'utf8')).toContain('export class PixelLLM')
  })
})

test('pixelllm in an empty project is the program', async () => {
  const program = join(project, 'node_modules', '.bin', 'pixelllm')

  const { stdout } = await run(program, ['caption', resolve('samples/street.png')], {
    env: { ...process.env, PIXELLLM_URL: address },
  })

  expect(stdout).toMatch(/^a circle {2}\(0\.\d\d\)\n/)
})

const USE = `
import { ApiError, PixelLLM, type Box, type ErrorCode, type Word, toCoco } from '@pixelllm/sdk'
const client = new PixelLLM({ baseUrl: 'http://127.0.0.1:8080', retries: 1 })
export async function use(image: Blob, signal: AbortSignal): Promise<Box> {
  const stream = client.streamCaption(image, { max_tokens: 9, signal })
  const words: Word[] = []
  for await (const word of stream) words.push(word)
  toCoco(await stream.result(), { image_id: 1 })
  for await (const job of client.trainingJobs.list({ status: 'running' })) {
    for await (const { type, data } of client.trainingJobs.events(job.id)) void [type, data]
  }
  await client.datasets.upload(image, { onProgress: ({ sent, total }) => void (sent / total) })
  const { box } = await client.locate(image, { phrase: 'the cat' }).catch((error: unknown) => {
    const code: ErrorCode | undefined = error instanceof ApiError ? error.code : undefined
    throw new Error(code)
  })
  return box
}`

const USE_NODE = `
import { openFile, saveTo } from '@pixelllm/sdk/node'
export const save = async (path: string): Promise<void> =>
  saveTo(path, client.trainingJobs.download('job_1', 'step-00000001'))
export const open: Promise<Blob> = openFile('a.png')`

/** A mistake a line, each of which has to be found. */
const MISUSE = `
import { ApiError, PixelLLM } from '@pixelllm/sdk'
const client = new PixelLLM({ baseUrl: '' })
const image = new Uint8Array()
export const spelling = client.caption(image, { maxTokens: 9 })
export const missing = client.locate(image, {})
export const absent = client.locate(image, { phrase: '' }).then(({ mask }) => mask)
export const code = (error: ApiError) => error.code === 'nonsense'`

/** Tarballs of folders, as they would be published; set-up has built them. */
async function pack(...folders: string[]): Promise<string[]> {
  const target = ['--pack-destination', project]
  const { stdout } = await runNpm(
    ['pack', '--json', '--ignore-scripts', ...target, ...folders.map((one) => resolve(one))],
    ROOT,
  )
  const packed: { filename: string }[] = Object.values(JSON.parse(stdout))
  expect(packed).toHaveLength(folders.length)
  return packed.map(({ filename }) => join(project, filename))
}

function runNpm(args: readonly string[], cwd = project): Promise<{ stdout: string }> {
  return run(npmProgram, [...npmArgs, ...args], { cwd })
}

async function linkNodeTypes(folder: string): Promise<void> {
  const types = join(folder, 'node_modules', '@types')
  await mkdir(types, { recursive: true })
  await symlink(resolve('node_modules/@types/node'), join(types, 'node'))
}

async function typeCheck(folder: string): Promise<string[]> {
  const tsc = resolve('node_modules/typescript/bin/tsc')
  const checked = run(process.execPath, [tsc, '-p', '.', '--pretty', 'false'], { cwd: folder })
  const { stdout } = await checked.catch((error: { stdout: string }) => error)
  return stdout.split('\n').filter((line) => line.includes(': error '))
}

/** Every file that a module leads to, and the packages that they name. */
async function graphOf(entry: string): Promise<{ files: string[]; packages: string[] }> {
  const files = [entry]
  const packages = new Set<string>()
  for (const file of files) {
    const { importedFiles } = ts.preProcessFile(await readFile(file, 'utf8'))
    for (const { fileName } of importedFiles) {
      const target = join(dirname(file), fileName)
      if (!fileName.startsWith('.')) packages.add(fileName)
      else if (!files.includes(target)) files.push(target)
    }
  }
  return { files, packages: [...packages] }
}

function requireFreshBuild(): void {
  const ground = { places: placesOf(ROOT), settings: readSettings({}), env: process.env }
  if (!commandLine(ground).isDone()) throw new Error('cli/dist is stale: npm run setup')
}
