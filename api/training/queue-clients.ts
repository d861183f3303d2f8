import type { FastifyBaseLogger } from 'fastify'
import { Redis, type RedisOptions } from 'ioredis'

const CONNECT_MS = 3000
/** For the rest of what was sent, when a connection is cut. */
const DISCONNECT_MS = 200
const MIN_RETRY_MS = 50
const MAX_RETRY_MS = 1000

/** Closes for good, whatever Bull asks it for, and leaves nobody waiting for an answer. */
class Client extends Redis {
  #isOver = false

  /** Bull connects a client again that it has just disconnected, and hears no failure of that. */
  override async connect(): Promise<void> {
    // Called by the constructor of the base class, when there is no such field yet.
    if (#isOver in this && this.#isOver) return
    await super.connect().catch(() => {})
  }

  leave(): void {
    this.#isOver = true
    const isBetweenTries = this.status === 'reconnecting'
    this.disconnect()
    if (!isBetweenTries) return
    // No connection will tell what waits that it is closed: a try that is given up does.
    super.connect().catch(() => {})
    this.disconnect()
  }
}

export type QueueAddress =
  /** A server that the operator keeps. */
  | { readonly url: string }
  /** That of the data folder, which is started at the same time as its clients. */
  | { readonly socket: string }

export interface QueueClientsOptions {
  readonly address: QueueAddress
  /** For one answer to a client that does not wait for the server. */
  readonly queue_ms: number
  readonly log: FastifyBaseLogger
}

/**
 * The connections of one gateway to its queue, for as long as it runs. Bull never closes clients that
 * it was given, so they are kept here; and an outage is said once, not by each of them at each retry.
 */
export class QueueClients {
  readonly #options: QueueClientsOptions
  readonly #clients: Client[] = []
  #isAway: boolean
  #wasThere = false
  #closed = false

  constructor(options: QueueClientsOptions) {
    this.#options = options
    // The own server says itself why it does not start.
    this.#isAway = 'socket' in options.address
  }

  /** A client that says at once that the server is away. */
  impatient(): Redis {
    const client = this.#open({
      enableOfflineQueue: false,
      maxRetriesPerRequest: 1,
      commandTimeout: this.#options.queue_ms,
    })
    client.on('ready', () => this.#back())
    client.on('close', () => this.#away('the connection was closed'))
    return client
  }

  /** A client that waits for the server for as long as it takes: what it was told is not lost. */
  patient(): Redis {
    return this.#open({ maxRetriesPerRequest: null, enableReadyCheck: false })
  }

  /** Cuts every connection, which also ends what waits for an answer. */
  close(): void {
    this.#closed = true
    for (const client of this.#clients) client.leave()
  }

  #open(options: RedisOptions): Redis {
    const { address } = this.#options
    const shared: RedisOptions = {
      connectTimeout: CONNECT_MS,
      disconnectTimeout: DISCONNECT_MS,
      retryStrategy: (times) => Math.min(MIN_RETRY_MS * 2 ** Math.min(times, 10), MAX_RETRY_MS),
    }
    const client =
      'url' in address
        ? new Client(address.url, { ...shared, ...options })
        : new Client({ path: address.socket, ...shared, ...options })
    client.on('error', (error: Error) => this.#away(error.message))
    this.#clients.push(client)
    // Bull makes some of its clients when it first needs them, which can be after the end.
    if (this.#closed) client.leave()
    return client
  }

  #away(reason: string): void {
    if (this.#isAway || this.#closed) return
    this.#isAway = true
    this.#options.log.warn(`the job queue is away: ${reason}`)
  }

  #back(): void {
    if (this.#isAway) {
      // Nobody has missed it at the start.
      this.#options.log[this.#wasThere ? 'info' : 'debug']('the job queue is there')
    }
    this.#isAway = false
    this.#wasThere = true
  }
}
