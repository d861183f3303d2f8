import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import Fastify, { type FastifyInstance } from 'fastify'
import { registerReceiveTimeout } from '../../../api/plugins/receive-timeout.ts'
import { Latch } from '../../helpers/fake-worker.ts'

const RECEIVE_MS = 10_000
const STALL_MS = 1000
const TIMED_OUT = /^HTTP\/1.1 408 .*"code":"request_timeout"/s

let app: FastifyInstance
let port: number
let answer: Latch

beforeEach(async () => {
  jest.useFakeTimers({
    doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate', 'setTimeout', 'clearTimeout'],
  })
  answer = new Latch()
  app = Fastify()
  registerReceiveTimeout(app, { receive_ms: STALL_MS, stall_ms: STALL_MS })
  app.post('/short', async ({ body }) => body)
  app.post('/long', { config: { receive_ms: RECEIVE_MS } }, async ({ body }) => body)
  app.post('/slow-answer', async () => {
    await answer.opened
    return 'late'
  })
  port = Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port)
})

afterEach(async () => {
  await app.close()
  jest.useRealTimers()
})

/** Sends the head of a request; resolves when the server has it. */
async function begin(
  path: string,
  length: number,
): Promise<{ socket: Socket; request: IncomingMessage }> {
  const received = once(app.server, 'request')
  const socket = connect(port, '127.0.0.1')
  const type = 'Content-Type: text/plain'
  socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\n${type}\r\nContent-Length: ${length}\r\n\r\n`)
  const [request] = await received
  return { socket, request }
}

/** Sends a byte of the body; resolves when the server has it. */
async function sendByte(socket: Socket, request: IncomingMessage): Promise<void> {
  const before = request.socket.bytesRead
  socket.write('x')
  while (request.socket.bytesRead === before) await new Promise(setImmediate)
}

test('a body that comes too slowly is answered request_timeout', async () => {
  const { socket, request } = await begin('/short', 100)
  await sendByte(socket, request)

  jest.advanceTimersByTime(STALL_MS)

  expect(await text(socket)).toMatch(TIMED_OUT)
})

test('a route may have more time, as long as bytes come', async () => {
  const { socket, request } = await begin('/long', 6)
  for (let sent = 0; sent < 5; sent += 1) {
    await sendByte(socket, request)
    jest.advanceTimersByTime(STALL_MS)
  }
  const reply = once(socket, 'data')

  await sendByte(socket, request)

  expect(String(await reply)).toMatch(/^HTTP\/1.1 200 OK.*xxxxxx$/s)
  socket.destroy()
})

test('its time has an end, too', async () => {
  const { socket, request } = await begin('/long', 100)
  for (let passed = 0; passed < RECEIVE_MS; passed += STALL_MS) {
    await sendByte(socket, request)
    jest.advanceTimersByTime(STALL_MS)
  }

  expect(await text(socket)).toMatch(TIMED_OUT)
})

test('a body that stalls is answered request_timeout, whatever time the route has', async () => {
  const { socket, request } = await begin('/long', 100)
  await sendByte(socket, request)

  jest.advanceTimersByTime(2 * STALL_MS)

  expect(await text(socket)).toMatch(TIMED_OUT)
})

test('what takes long to answer is left alone', async () => {
  const { socket, request } = await begin('/slow-answer', 1)
  const ended = once(request, 'end')
  await sendByte(socket, request)
  await ended
  const reply = once(socket, 'data')

  jest.advanceTimersByTime(RECEIVE_MS)
  answer.open()

  expect(String(await reply)).toMatch(/^HTTP\/1.1 200 OK/)
  socket.destroy()
})
