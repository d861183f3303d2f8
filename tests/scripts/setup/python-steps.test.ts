import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { placesOf } from '../../../scripts/setup/places.mjs'
import { pinOf, pythonPackages, virtualEnvironment } from '../../../scripts/setup/python-steps.mjs'
import type { Run } from '../../../scripts/setup/steps.mjs'

type Settings = { python?: string; torchIndex?: string }
let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'venv-'))
  mkdirSync(join(root, 'python'))
  writeFileSync(join(root, 'python', 'requirements.txt'), '# why\ntorch==2.13.0\nnumpy==2.4.6\n')
})

afterEach(() => rmSync(root, { recursive: true }))

function ground({ python, torchIndex }: Settings = {}) {
  return { places: placesOf(root), settings: { python, torchIndex }, env: process.env }
}

/** Stands for `python -m venv`: an environment whose Python is the one of this machine. */
const makeVenv: Run = async (_name, [python = '']) => {
  const link = join(root, '.venv', 'bin', 'python')
  mkdirSync(dirname(link), { recursive: true })
  symlinkSync(python, link)
}

describe('the virtual environment', () => {
  test('is made where there is none, and is done from then on', async () => {
    const step = virtualEnvironment(ground())
    expect(step.isDone()).toBe(false)

    await step.work(makeVenv)

    expect(step.isDone()).toBe(true)
  })

  test('is made anew where its Python is gone', async () => {
    const step = virtualEnvironment(ground())
    await step.work(makeVenv)
    writeFileSync(join(root, '.venv', 'left-over'), '')
    rmSync(join(root, '.venv', 'bin', 'python'))
    symlinkSync('/no/such/python', join(root, '.venv', 'bin', 'python'))

    expect(step.isDone()).toBe(false)
    await step.work(makeVenv)

    expect(step.isDone()).toBe(true)
    expect(existsSync(join(root, '.venv', 'left-over'))).toBe(false)
  })

  test('is made anew where an install into it was interrupted', async () => {
    await virtualEnvironment(ground()).work(makeVenv)
    const killed: Run = async () => {
      throw new Error('killed')
    }
    await expect(pythonPackages(ground()).work(killed)).rejects.toThrow('killed')
    writeFileSync(join(root, '.venv', 'half-a-package'), '')

    expect(virtualEnvironment(ground()).isDone()).toBe(false)
    await virtualEnvironment(ground()).work(makeVenv)

    expect(existsSync(join(root, '.venv', 'half-a-package'))).toBe(false)
  })

  test('is kept when PIXELLLM_PYTHON is unset again, and left when it names another', async () => {
    await virtualEnvironment(ground({ python: 'python3' })).work(makeVenv)

    expect(virtualEnvironment(ground()).isDone()).toBe(true)
    expect(virtualEnvironment(ground({ python: 'python3.99' })).isDone()).toBe(false)
  })
})

describe('the Python packages', () => {
  const calls: { command: string[]; index: string | undefined }[] = []
  const pip: Run = async (_name, command, options) => {
    calls.push({ command, index: options?.env?.PIP_INDEX_URL })
  }

  beforeEach(() => {
    calls.length = 0
    delete process.env.PIP_INDEX_URL
  })

  test('come with torch as pip finds it where no index is named', async () => {
    await pythonPackages(ground()).work(pip)

    expect(calls).toEqual([
      { command: expect.arrayContaining(['-r', placesOf(root).requirements]), index: undefined },
    ])
    expect(pythonPackages(ground()).isDone()).toBe(true)
  })

  test('take the pinned torch, and only that, from the index that is named', async () => {
    const torchIndex = 'https://name:secret@example.org/cpu'

    await pythonPackages(ground({ torchIndex })).work(pip)

    expect(calls.map(({ index }) => index)).toEqual([torchIndex, undefined])
    expect(calls[0]?.command).toEqual(expect.arrayContaining(['--no-deps', 'torch==2.13.0']))
    expect(calls.flatMap(({ command }) => command).join(' ')).not.toContain('secret')
    expect(readFileSync(join(root, '.venv', '.set-up', 'packages'), 'utf8')).not.toContain('secret')
  })

  test('change torch when another index is named, and stay when none is', async () => {
    await pythonPackages(ground({ torchIndex: 'https://a.example.org' })).work(pip)

    expect(pythonPackages(ground()).isDone()).toBe(true)
    const other = pythonPackages(ground({ torchIndex: 'https://b.example.org' }))
    expect(other.isDone()).toBe(false)
    calls.length = 0
    await other.work(pip)

    expect(calls[0]?.command).toContain('--force-reinstall')
  })

  test('are to be installed again when the requirements change', async () => {
    await pythonPackages(ground()).work(pip)

    writeFileSync(placesOf(root).requirements, 'torch==2.14.0\n')

    expect(pythonPackages(ground()).isDone()).toBe(false)
  })
})

test('every requirement is pinned to one version', () => {
  for (const file of ['python/requirements.txt', 'python/requirements-dev.txt']) {
    const lines = readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line && !line.startsWith('#'))

    for (const line of lines) expect(line).toMatch(/^[\w-]+==\d[\w.]*(; .+)?$/)
  }
  expect(pinOf('torch', readFileSync('python/requirements.txt', 'utf8'))).toMatch(/^torch==/)
})
