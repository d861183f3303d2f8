import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build, isInstalled, npmPackages, playground } from '../../../scripts/setup/node-steps.mjs'
import { placesOf } from '../../../scripts/setup/places.mjs'
import type { Run } from '../../../scripts/setup/steps.mjs'

const wanted = {
  '': { version: '1.0.0' },
  sdk: { version: '0.1.0' },
  'node_modules/sdk': { link: true },
  'node_modules/a': { version: '1.2.3' },
  'node_modules/for-other-machines': { version: '1.0.0', optional: true },
}
const installed = {
  'node_modules/sdk': { link: true },
  'node_modules/a': { version: '1.2.3' },
  'node_modules/b': { version: '9.9.9' },
}
let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'npm-'))
  writeFileSync(join(root, 'package-lock.json'), JSON.stringify({ packages: wanted }))
})

afterEach(() => rmSync(root, { recursive: true }))

function install(packages: object): void {
  mkdirSync(join(root, 'node_modules'), { recursive: true })
  writeFileSync(join(root, 'node_modules', '.package-lock.json'), JSON.stringify({ packages }))
}

describe('node_modules', () => {
  test('counts as installed with every package at its version', () => {
    install(installed)

    expect(isInstalled(placesOf(root))).toBe(true)
  })

  test.each([
    ['a package is missing', { 'node_modules/sdk': { link: true } }],
    ['a package has another version', { ...installed, 'node_modules/a': { version: '1.2.4' } }],
    ['a workspace is not linked', { 'node_modules/a': { version: '1.2.3' } }],
  ])('does not where %s', (_why, packages) => {
    install(packages)

    expect(isInstalled(placesOf(root))).toBe(false)
  })

  test('does not where npm has not finished', () => {
    mkdirSync(join(root, 'node_modules', 'a'), { recursive: true })

    expect(isInstalled(placesOf(root))).toBe(false)
  })
})

const ground = () => ({
  places: placesOf(root),
  settings: { python: undefined, torchIndex: undefined },
  env: {},
})

describe('the steps that build', () => {
  const source = () => join(root, 'playground', 'index.html')

  beforeEach(() => {
    mkdirSync(join(root, 'playground'))
    writeFileSync(source(), 'a page')
  })

  test('are done until what they read changes', async () => {
    await build(ground()).work(async () => {})
    await playground(ground()).work(async () => {})
    const before = [build(ground()).isDone(), playground(ground()).isDone()]

    writeFileSync(source(), 'another page')

    expect(before).toEqual([true, true])
    expect([build(ground()).isDone(), playground(ground()).isDone()]).toEqual([true, false])
  })

  test('build the playground again after the server, in whose folder it lies', async () => {
    await playground(ground()).work(async () => {})

    await build(ground()).work(async () => {})

    expect(existsSync(placesOf(root).playground)).toBe(false)
    expect(playground(ground()).isDone()).toBe(false)
  })

  test('are not done where the script failed', async () => {
    const failing = playground(ground()).work(async () => {
      throw new Error('no disk')
    })

    await expect(failing).rejects.toThrow('no disk')
    expect(playground(ground()).isDone()).toBe(false)
  })
})

describe('the step that installs npm packages', () => {
  test('takes over what npm installed before, and is done from then on', async () => {
    install(installed)
    const ran: string[] = []

    await npmPackages(ground()).work(async (name) => void ran.push(name))

    expect(ran).toEqual([])
    expect(npmPackages(ground()).isDone()).toBe(true)
  })

  test('is to be done again when package-lock.json changes', async () => {
    install(installed)
    await npmPackages(ground()).work(async () => {})

    writeFileSync(
      join(root, 'package-lock.json'),
      JSON.stringify({ packages: { ...wanted, x: {} } }),
    )

    expect(npmPackages(ground()).isDone()).toBe(false)
  })

  test('does not trust what an interrupted or failed install left behind', async () => {
    const commands: string[][] = []
    const failing: Run = async (_name, command) => {
      commands.push(command)
      install(installed)
      throw new Error('interrupted')
    }

    await expect(npmPackages(ground()).work(failing)).rejects.toThrow('interrupted')
    await expect(npmPackages(ground()).work(failing)).rejects.toThrow('interrupted')

    expect(commands).toHaveLength(2)
    expect(commands[0]).toEqual(expect.arrayContaining(['ci', '--include=dev']))
    expect(npmPackages(ground()).isDone()).toBe(false)
  })
})
