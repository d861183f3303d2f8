import { expect, test } from '@jest/globals'
import { readableLine } from '../../api/log.ts'

const time = new Date(2026, 0, 2, 8, 15, 30).getTime()

test('a line for people has the clock, the level, the message and the facts', () => {
  const line = JSON.stringify({ level: 30, time, path: '/healthz', status: 200, msg: 'request' })

  expect(readableLine(line)).toBe('08:15:30 info request path=/healthz status=200')
})

test('a line for people shows where an error comes from', () => {
  const err = { type: 'Error', message: 'broken', stack: 'Error: broken\n    at here' }
  const line = JSON.stringify({ level: 50, time, err, msg: 'the request failed' })

  expect(readableLine(line)).toBe(
    '08:15:30 error the request failed err=Error: broken\n    at here',
  )
})
