import { once } from 'node:events'
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

  /** Begins the reply now, where there may be no event for long. */
  open(): void {
    this.#write(': here\n\n')
  }

  /** With an id, a client that lost the connection says which event was its last. */
  send(event: string, data: unknown, id?: number): void {
    const number = id === undefined ? '' : `id: ${id}\n`
    this.#write(`${number}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
  }

  /** Waits until the client has taken most of what was sent, or is gone. */
  async drained(signal: AbortSignal): Promise<void> {
    if (this.#body.writableNeedDrain) await once(this.#body, 'drain', { signal }).catch(() => {})
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
