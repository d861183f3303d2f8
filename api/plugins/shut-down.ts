import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { ApiError } from '../errors.ts'

/**
 * Lets what runs finish when the app closes, and nothing else: requests that come over connections
 * that are still open are refused, and connections without a request are cut. Node itself waits for
 * those that have not sent any yet, as clients open them in advance.
 */
export function registerShutDown(app: FastifyInstance): void {
  const unused = new Set<Socket>()
  let closing = false

  app.server.on('connection', (socket: Socket) => {
    if (closing) socket.destroy()
    unused.add(socket)
    socket.once('close', () => unused.delete(socket))
  })
  app.server.on('request', ({ socket }, response) => {
    unused.delete(socket)
    response.once('close', () => {
      if (closing) socket.destroySoon()
      else if (!socket.destroyed) unused.add(socket)
    })
  })
  app.addHook('preClose', async () => {
    closing = true
    for (const socket of unused) socket.destroy()
  })
  app.addHook('onRequest', async () => {
    if (closing) throw new ApiError('shutting_down', 'the server is shutting down')
  })
}
