import { ImageError } from './image-error.ts'

const TIMEOUT_MS = 10_000
/** A header, what is said, and a signature: what personal access tokens consist of. */
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/

/**
 * The key of a user of Label Studio. A legacy token is sent as it is; a personal access token is
 * exchanged for one that is good for some minutes.
 *
 * @see https://labelstud.io/guide/access_tokens
 */
export class AccessToken {
  readonly #server: URL
  readonly #key: string
  #access: Promise<string> | undefined

  /** `server` ends with a slash. */
  constructor(server: URL, key: string) {
    this.#server = server
    this.#key = key
  }

  /** The header `Authorization`. */
  async header(signal: AbortSignal): Promise<string> {
    if (!JWT.test(this.#key)) return `Token ${this.#key}`
    this.#access ??= this.#exchange(signal)
    try {
      return `Bearer ${await this.#access}`
    } catch (error) {
      this.#access = undefined
      throw error
    }
  }

  /** What `header` gave was refused. Whether another one may be taken. */
  expire(): boolean {
    const canChange = this.#access !== undefined
    this.#access = undefined
    return canChange
  }

  async #exchange(signal: AbortSignal): Promise<string> {
    const reply = await fetch(new URL('api/token/refresh/', this.#server), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ refresh: this.#key }),
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    }).catch((cause: unknown) => {
      throw new ImageError(`${this.#server.host} does not answer`, { cause })
    })
    const { access }: { access?: unknown } = Object(await reply.json().catch(() => undefined))
    if (!reply.ok || typeof access !== 'string') {
      throw new ImageError(`Label Studio refuses LABEL_STUDIO_API_KEY: HTTP ${reply.status}`)
    }
    return access
  }
}
