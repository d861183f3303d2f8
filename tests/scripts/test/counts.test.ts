import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { addCounts, readCounts, sayCounts } from '../../../scripts/test/counts.mjs'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'counts-'))
})

afterEach(() => rmSync(folder, { recursive: true }))

function report(name: string, text: string): string {
  const file = join(folder, name)
  writeFileSync(file, text)
  return file
}

describe('the counts of a report', () => {
  test('are those of jest, a file that could not be loaded being one failure', () => {
    const jest = {
      numPassedTests: 12,
      numFailedTests: 1,
      numPendingTests: 2,
      numTodoTests: 1,
      numRuntimeErrorTestSuites: 1,
    }

    expect(readCounts(report('jest.json', JSON.stringify(jest)))).toEqual({
      passed: 12,
      failed: 2,
      skipped: 3,
    })
  })

  test('are those of pytest', () => {
    const xml =
      '<?xml version="1.0"?><testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="2" skipped="3" tests="16" time="1"><testcase name="tests=&quot;9&quot;"/></testsuite></testsuites>'

    expect(readCounts(report('pytest.xml', xml))).toEqual({ passed: 10, failed: 3, skipped: 3 })
  })

  test.each([
    ['is missing', 'absent.xml'],
    ['is not JSON', 'jest.json'],
    ['has no suite', 'pytest.xml'],
  ])('are one failure where the report %s', (_why, name) => {
    if (name !== 'absent.xml') report(name, '<xml/>')

    expect(readCounts(join(folder, name))).toEqual({ passed: 0, failed: 1, skipped: 0 })
  })
})

describe('the closing line', () => {
  test('adds the runners up', () => {
    const all = addCounts([
      { passed: 3, failed: 0, skipped: 0 },
      { passed: 4, failed: 1, skipped: 0 },
    ])

    expect(sayCounts(all)).toBe('7 passed, 1 failed')
  })

  test('names skipped tests only where there are some', () => {
    expect(sayCounts({ passed: 1, failed: 0, skipped: 2 })).toBe('1 passed, 0 failed, 2 skipped')
  })
})
