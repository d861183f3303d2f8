import { PassThrough } from 'node:stream'
import type { FastifyReply } from 'fastify'

const HEARTBEAT_MS = 15_000

/**
 * The server-sent events of one reply.
 *
 * The reply begins with the first event, or with the first heartbeat: a call that is refused before
 * it wrote anything can still be answered with a status of its own.
 */
export class EventStream {
  readonly #reply: FastifyReply
  readonly #body = new PassThrough()
  readonly #heartbeat: NodeJS.Timeout
  #open = false

  constructor(reply: FastifyReply) {
    this.#reply = reply
    this.#heartbeat = setInterval(() => this.#write(': still working\n\n'), HEARTBEAT_MS)
  }

  /** Whether the reply has begun, and with it the time for another status passed. */
  get isOpen(): boolean {
    return this.#open
  }

  send(event: string, data: unknown): void {
    this.#write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
  }

  /** Ends the reply; nothing may be sent after it. May be called twice. */
  close(): void {
    clearInterval(this.#heartbeat)
    this.#body.end()
  }

  #write(text: string): void {
    if (this.#body.destroyed || this.#body.writableEnded) return
    this.#begin()
    this.#body.write(text)
  }

  #begin(): void {
    if (this.#open) return
    this.#open = true
    void this.#reply
      .type('text/event-stream')
      .header('cache-control', 'no-store')
      .header('x-accel-buffering', 'no')
      .send(this.#body)
  }
}
