/** Ends requests whose bodies do not come. */
import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { answerBrokenRequest } from '../broken-request.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** How long a body of this route may take to come, where it is longer than usual. */
    receive_ms?: number
  }
}

export interface ReceiveLimits {
  /** From the headers to the end of the body. */
  readonly receive_ms: number
  /** Without a byte, where a route allows longer bodies. */
  readonly stall_ms: number
}

/**
 * Node has one limit for all requests, which has to be that of the longest upload. This is the
 * limit of each route: shorter where it says nothing, and for the long ones none of them stalls.
 */
export function registerReceiveTimeout(app: FastifyInstance, limits: ReceiveLimits): void {
  app.addHook('onRequest', async ({ raw, routeOptions }, reply) => {
    if (!hasBody(raw)) return
    const stop = watch(raw, { ...limits, ...routeOptions.config })
    raw.once('end', stop)
    reply.raw.once('close', stop)
  })
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > 0
}

/** Returns how to stop watching. */
function watch(raw: IncomingMessage, { receive_ms, stall_ms }: ReceiveLimits): () => void {
  const start_ms = performance.now()
  let bytes = raw.socket.bytesRead
  const timer = setInterval(look, Math.min(receive_ms, stall_ms)).unref()
  return () => clearInterval(timer)

  function look(): void {
    const isLate = performance.now() - start_ms >= receive_ms
    const isStalled = raw.socket.bytesRead === bytes
    bytes = raw.socket.bytesRead
    if (isLate || (isStalled && !raw.complete)) end(raw)
  }
}

/** As Node ends those that take longer than its own limit. */
function end({ socket }: IncomingMessage): void {
  const error = Object.assign(new Error('the request came too slowly'), {
    code: 'ERR_HTTP_REQUEST_TIMEOUT',
  })
  answerBrokenRequest(error, socket)
}
