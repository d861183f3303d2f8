import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  beginStep,
  begunMark,
  hashOf,
  readStamp,
  writeStamp,
} from '../../../scripts/setup/stamp.mjs'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stamp-'))
  mkdirSync(join(folder, 'src', 'deep'), { recursive: true })
  writeFileSync(join(folder, 'src', 'a.ts'), 'a')
  writeFileSync(join(folder, 'src', 'deep', 'b.ts'), 'b')
})

afterEach(() => rmSync(folder, { recursive: true }))

describe('a hash of sources', () => {
  const hash = () => hashOf(folder, [join(folder, 'src'), join(folder, 'absent')])

  test('stays the same when a file is only touched', () => {
    const before = hash()

    utimesSync(join(folder, 'src', 'a.ts'), new Date(0), new Date(0))

    expect(hash()).toBe(before)
  })

  test('changes with the text of a file in a folder below', () => {
    const before = hash()

    writeFileSync(join(folder, 'src', 'deep', 'b.ts'), 'B')

    expect(hash()).not.toBe(before)
  })

  test('changes with the name of a file', () => {
    const before = hash()

    renameSync(join(folder, 'src', 'a.ts'), join(folder, 'src', 'c.ts'))

    expect(hash()).not.toBe(before)
  })

  test('changes with a file that comes into being', () => {
    const before = hash()

    writeFileSync(join(folder, 'absent'), '')

    expect(hash()).not.toBe(before)
  })

  test('changes with a fact beside the files', () => {
    expect(hashOf(folder, [], ['x'])).not.toBe(hashOf(folder, [], ['y']))
  })
})

describe('a stamp', () => {
  test('is read as it was written, and takes away the mark of its step', () => {
    const file = join(folder, 'stamps', 'step')
    beginStep(file)

    writeStamp(file, { from: 'abc' })

    expect(readStamp(file)).toEqual({ from: 'abc' })
    expect(existsSync(begunMark(file))).toBe(false)
  })

  test('is gone, and its mark stands, while its step works', () => {
    const file = join(folder, 'stamps', 'step')
    writeStamp(file, { from: 'abc' })

    beginStep(file)

    expect(readStamp(file)).toBeUndefined()
    expect(existsSync(begunMark(file))).toBe(true)
  })

  test.each(['', '{', 'null', '{"from":3}'])('that says %p counts as none', (text) => {
    const file = join(folder, 'step')
    writeFileSync(file, text)

    expect(readStamp(file)).toBeUndefined()
  })
})
