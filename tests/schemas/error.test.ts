import { expect, test } from '@jest/globals'
import { ErrorCode, errorEntry } from '../../schemas/index.ts'

test('every code has a status for errors and a title', () => {
  for (const code of ErrorCode.options) {
    const { status, title } = errorEntry(code)
    expect(status).toBeGreaterThanOrEqual(400)
    expect(status).toBeLessThan(600)
    expect(title).toMatch(/^[A-Z].*[^.]$/)
  }
})

test("a caller's own mistake is never worth a retry", () => {
  const mistakes = ErrorCode.options.filter((code) => {
    const { status } = errorEntry(code)
    return status < 500 && status !== 408
  })
  expect(mistakes.filter((code) => errorEntry(code).retry)).toEqual([])
})
