import { readFileSync } from 'node:fs'

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

/**
 * @param {string} report jest's JSON or pytest's JUnit XML, by the end of its name
 * @returns {Counts} a file of tests that could not even be loaded counts as one failed test; a report
 *   that is missing, because the runner died, does too
 */
export function readCounts(report) {
  try {
    const text = readFileSync(report, 'utf8')
    return report.endsWith('.json') ? countJest(JSON.parse(text)) : countJUnit(text)
  } catch {
    return { passed: 0, failed: 1, skipped: 0 }
  }
}

/**
 * @param {Record<string, number>} report
 * @returns {Counts}
 */
function countJest(report) {
  const number = (/** @type {string} */ name) => report[name] ?? 0
  return {
    passed: number('numPassedTests'),
    failed: number('numFailedTests') + number('numRuntimeErrorTestSuites'),
    skipped: number('numPendingTests') + number('numTodoTests'),
  }
}

/**
 * @param {string} xml
 * @returns {Counts}
 */
function countJUnit(xml) {
  const suites = [...xml.matchAll(/<testsuite\s[^>]*>/g)].map(([tag]) => tag)
  if (suites.length === 0) throw new Error('a report without a test suite')
  const sum = (/** @type {string} */ name) =>
    suites.reduce((total, tag) => total + Number(tag.match(`\\b${name}="(\\d+)"`)?.[1] ?? 0), 0)
  const failed = sum('failures') + sum('errors')
  return { passed: sum('tests') - failed - sum('skipped'), failed, skipped: sum('skipped') }
}

/**
 * @param {Counts[]} all
 * @returns {Counts}
 */
export function addCounts(all) {
  const none = { passed: 0, failed: 0, skipped: 0 }
  return all.reduce(
    (sum, one) => ({
      passed: sum.passed + one.passed,
      failed: sum.failed + one.failed,
      skipped: sum.skipped + one.skipped,
    }),
    none,
  )
}

/**
 * @param {Counts} counts
 * @returns {string} such as `12 passed, 0 failed, 1 skipped`
 */
export function sayCounts({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`
}
