import { expect, test } from '@jest/globals'
import { negotiate } from '../../api/negotiation.ts'

const offers = ['application/json', 'text/event-stream']

test.each([
  [undefined, 'application/json'],
  ['', 'application/json'],
  ['*/*', 'application/json'],
  ['application/json', 'application/json'],
  ['application/*', 'application/json'],
  ['text/event-stream', 'text/event-stream'],
  ['Text/Event-Stream; charset=utf-8', 'text/event-stream'],
  ['text/event-stream, */*', 'text/event-stream'],
  ['text/*', 'text/event-stream'],
  ['application/json, text/event-stream', 'application/json'],
  ['application/json;q=0.5, text/event-stream', 'text/event-stream'],
  ['text/event-stream;q=0, */*', 'application/json'],
  ['text/html, application/xhtml+xml, */*;q=0.8', 'application/json'],
  ['image/png', undefined],
  ['application/json;q=0', undefined],
  ['application/json;q=nonsense', undefined],
])('%j gets %j', (accept, expected) => {
  expect(negotiate(accept, offers)).toBe(expected)
})
