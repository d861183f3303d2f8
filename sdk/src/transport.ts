import createClient, { type Client } from 'openapi-fetch'
import { ApiError } from './api-error.ts'
import { Deadline } from './deadline.ts'
import { ConnectionError, UnexpectedReplyError } from './failures.ts'
import type { CallOptions, PixelLLMOptions } from './options.ts'
import { delayBeforeRetry, type Repeat, readRetryAfter, sleep } from './retry.ts'
import type { Problem, paths } from './schema.ts'

const TIMEOUT_MS = 120_000
const RETRIES = 2

/** What openapi-fetch resolves with. */
interface Reply<Body> {
  readonly data?: Body | undefined
  readonly error?: unknown
  readonly response: Response
}

type Send<Body> = (raw: Client<paths>, deadline: Deadline) => Promise<Reply<Body>>

/** A reply that is read as it arrives. */
export interface OpenReply {
  readonly body: ReadableStream<Uint8Array>
  /** To be extended while more is waited for, and cleared at its end. */
  readonly deadline: Deadline
}

/** Sends requests: with a deadline, and again where that can help. */
export class Transport {
  readonly raw: Client<paths>
  readonly #timeoutMs: number
  readonly #retries: number

  constructor({ baseUrl, headers, fetch, timeoutMs, retries }: PixelLLMOptions) {
    this.raw = createClient<paths>({
      baseUrl,
      ...(headers && { headers }),
      ...(fetch && { fetch }),
    })
    this.#timeoutMs = timeoutMs ?? TIMEOUT_MS
    this.#retries = retries ?? RETRIES
  }

  /** The JSON of a reply; the server has checked it against the contract that `Result` is from. */
  async json<Result>(
    send: Send<string>,
    options: CallOptions = {},
    repeat: Repeat = 'freely',
  ): Promise<Result> {
    return this.#try(options, repeat, async (deadline) => {
      const { data, response } = await this.#send(send, deadline)
      deadline.clear()
      return parse(data ?? '', response.status)
    })
  }

  /** A reply without a body. */
  async done(send: Send<unknown>, options: CallOptions = {}): Promise<void> {
    await this.#try(options, 'if_refused', async (deadline) => {
      await this.#send(send, deadline)
      deadline.clear()
    })
  }

  /** A reply that is read as it arrives. Only its beginning is tried again. */
  async open(
    send: Send<ReadableStream<Uint8Array> | null>,
    options: CallOptions = {},
  ): Promise<OpenReply> {
    return this.#try(options, 'freely', async (deadline) => {
      const { data, response } = await this.#send(send, deadline)
      if (!data) throw new UnexpectedReplyError(response.status, '')
      deadline.pause()
      return { body: data, deadline }
    })
  }

  async #try<Result>(
    { signal, timeoutMs, retries }: CallOptions,
    repeat: Repeat,
    work: (deadline: Deadline) => Promise<Result>,
  ): Promise<Result> {
    for (let tries = 0; ; tries++) {
      signal?.throwIfAborted()
      const deadline = new Deadline(timeoutMs ?? this.#timeoutMs, signal)
      try {
        return await work(deadline)
      } catch (error) {
        deadline.clear()
        if (tries >= (retries ?? this.#retries)) throw error
        const delay = delayBeforeRetry(error, repeat, tries)
        if (delay === undefined) throw error
        await sleep(delay, signal)
      }
    }
  }

  async #send<Body>(send: Send<Body>, deadline: Deadline): Promise<Reply<Body>> {
    const reply = await send(this.raw, deadline).catch((error: unknown) => {
      throw failureOf(error, deadline.signal)
    })
    if (!reply.response.ok) throw refusalOf(reply)
    return reply
  }
}

/** `fetch` and the reading of bodies throw a TypeError where the network is to blame. */
export function failureOf(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason
  // By its name: with `instanceof` one of another frame or realm would not be known.
  if (textOf(error, 'name') !== 'TypeError') return error
  const cause = typeof error === 'object' && error !== null && 'cause' in error && error.cause
  // Node puts the reasons for all addresses of a host into one error that has only a code.
  const reason = textOf(cause, 'message') || textOf(cause, 'code') || textOf(error, 'message')
  return new ConnectionError(`the connection to the server failed: ${reason}`, { cause: error })
}

function textOf(value: unknown, field: 'name' | 'message' | 'code'): string {
  const texts: Partial<Record<typeof field, unknown>> = Object(value)
  return typeof texts[field] === 'string' ? texts[field] : ''
}

function refusalOf({ error, response }: Reply<unknown>): Error {
  const retryAfterMs = readRetryAfter(response.headers.get('retry-after'))
  if (isProblem(error)) return new ApiError(error, retryAfterMs)
  const text = typeof error === 'string' ? error : JSON.stringify(error ?? '')
  return new UnexpectedReplyError(response.status, text, retryAfterMs)
}

function isProblem(error: unknown): error is Problem {
  return typeof error === 'object' && error !== null && 'code' in error && 'title' in error
}

function parse<Result>(text: string, status: number): Result {
  try {
    return JSON.parse(text)
  } catch {
    throw new UnexpectedReplyError(status, text)
  }
}
