/** What every method takes. */
export interface CallOptions {
  /** Aborting it stops the work on the server. */
  readonly signal?: AbortSignal
  /** How long nothing may be heard from the server. @default that of the client */
  readonly timeoutMs?: number
  /** How often a request is sent again that can succeed later. @default that of the client */
  readonly retries?: number
}

export interface PixelLLMOptions {
  /** Address of the server, for example http://127.0.0.1:8080; in a browser a path will do. */
  readonly baseUrl: string
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>
  /** How long nothing may be heard from the server, in milliseconds. @default 120_000 */
  readonly timeoutMs?: number
  /** How often a request is sent again that can succeed later. @default 2 */
  readonly retries?: number
  /** @default globalThis.fetch */
  readonly fetch?: (request: Request) => Promise<Response>
}

/** What is left of options that a method has of its own. */
export function withoutCallOptions<Options extends CallOptions>({
  signal,
  timeoutMs,
  retries,
  ...own
}: Options): Omit<Options, keyof CallOptions> {
  return own
}
