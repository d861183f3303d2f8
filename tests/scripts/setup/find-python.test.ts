import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { findPython, isUsable, OLDEST_PYTHON } from '../../../scripts/setup/find-python.mjs'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'python-'))
})

afterEach(() => rmSync(folder, { recursive: true }))

/** Puts a program on the path that answers as an interpreter would. */
function putPython(name: string, answer: object, place = 'bin'): string {
  return putProgram(name, `echo '${JSON.stringify(answer)}'`, place)
}

function putProgram(name: string, line: string, place = 'bin'): string {
  const file = join(folder, place, name)
  mkdirSync(join(folder, place), { recursive: true })
  writeFileSync(file, `#!/bin/sh\n${line}\n`)
  chmodSync(file, 0o755)
  return file
}

function python(version: string, more: object = {}) {
  return {
    version,
    implementation: 'CPython',
    executable: `/opt/python-${version}`,
    has_venv: true,
    has_pip: true,
    ...more,
  }
}

const path = () => join(folder, 'bin')

describe('looking for a Python', () => {
  test('asks for the version that pyproject.toml asks for', () => {
    const project = readFileSync('python/pyproject.toml', 'utf8')

    expect(project).toContain(`requires-python = ">=${OLDEST_PYTHON}"`)
  })

  test('takes the newest named one', async () => {
    putPython('python3', python('3.11.7'))
    putPython('python3.12', python('3.12.4'))

    await expect(findPython({ path: path() })).resolves.toBe('/opt/python-3.12.4')
  })

  test('passes over a name that does not run, and one that is too old', async () => {
    putProgram('python3.13', 'echo "pyenv: python3.13: command not found" >&2; exit 127')
    putPython('python3', python('3.9.2'))
    putPython('python', python('3.11.2'))

    await expect(findPython({ path: path() })).resolves.toBe('/opt/python-3.11.2')
  })

  test('goes on along the path where the first one of a name will not do', async () => {
    putPython('python3', python('3.12.0', { has_venv: false }), 'first')
    putPython('python3', python('3.11.2'), 'second')

    const found = findPython({
      path: ['first', 'second'].map((at) => join(folder, at)).join(delimiter),
    })

    await expect(found).resolves.toBe('/opt/python-3.11.2')
  })

  test('says what to install where there is none', async () => {
    mkdirSync(path())

    await expect(findPython({ path: path() })).rejects.toThrow(
      /needs Python 3\.11 or newer, and none was found: install it .*python3-venv/,
    )
  })

  test('names the one that is too old', async () => {
    putPython('python3', python('3.9.2'))

    await expect(findPython({ path: path() })).rejects.toThrow(
      /the one found here \(\/opt\/python-3\.9\.2\) is CPython 3\.9\.2/,
    )
  })

  test('names the package with the missing venv module', async () => {
    putPython('python3', python('3.12.4', { has_venv: false }))

    await expect(findPython({ path: path() })).rejects.toThrow(/apt install python3\.12-venv/)
  })

  test('finds a real one on the path of this machine', async () => {
    const found = await findPython({ path: process.env.PATH ?? '' })

    expect(found).toMatch(/^\/.*python/)
  })
})

describe('the Python that PIXELLLM_PYTHON names', () => {
  test('is taken, by its path or by its name', async () => {
    const file = putPython('my-python', python('3.11.0'))

    await expect(findPython({ named: file, path: '' })).resolves.toBe('/opt/python-3.11.0')
    await expect(findPython({ named: 'my-python', path: path() })).resolves.toBe(
      '/opt/python-3.11.0',
    )
  })

  test('is never replaced by another', async () => {
    putPython('python3', python('3.12.4'))
    const named = putPython('old-python', python('3.9.2'))

    await expect(findPython({ named, path: path() })).rejects.toThrow(
      /is CPython 3\.9\.2: let it name/,
    )
    await expect(findPython({ named: '/absent', path: path() })).rejects.toThrow(/does not run/)
  })

  test('is refused where it is not CPython', async () => {
    const named = putPython('pypy', python('3.11.9', { implementation: 'PyPy' }))

    await expect(findPython({ named, path: '' })).rejects.toThrow(/is PyPy 3\.11\.9/)
  })
})

describe('the Python of a virtual environment', () => {
  test('is usable only with pip', async () => {
    const whole = putPython('whole', python('3.11.0'))
    const bare = putPython('bare', python('3.11.0', { has_pip: false }))

    await expect(isUsable(whole)).resolves.toBe(true)
    await expect(isUsable(bare)).resolves.toBe(false)
    await expect(isUsable(join(folder, 'absent'))).resolves.toBe(false)
  })
})
