import { expect, test } from '@jest/globals'
import { Deadline } from '../../sdk/src/deadline.ts'

function timers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
}

test('what moves after the wait is over begins no other one', () => {
  const before = timers()
  const deadline = new Deadline(60_000)
  const during = timers()

  deadline.clear()
  // For example the rest of an upload that was refused before it was sent whole.
  deadline.extend()

  expect(during).toBe(before + 1)
  expect(timers()).toBe(before)
})
