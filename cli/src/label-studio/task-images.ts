import { AccessToken } from './access-token.ts'
import { ImageError } from './image-error.ts'
import { readLimited } from './read-limited.ts'

export interface TaskImagesOptions {
  readonly labelStudioUrl?: string | undefined
  /** Sent to that address only. */
  readonly apiKey?: string | undefined
  /** Further hosts that images may be at, `host` or `host:port`. */
  readonly allowedHosts: readonly string[]
  /** Of one image. @default 64 MiB, more than the server takes by its own default */
  readonly maxBytes?: number
}

const MAX_BYTES = 64 * 1024 * 1024
const TIMEOUT_MS = 30_000
const MAX_REDIRECTS = 3
/** Where Label Studio has files; its other addresses are none of an image. */
const FILES = /^\/(data|storage-data)\//
const LOGIN = /\/user\/login\/?$/

/** Reads the images that tasks name. Nothing is asked of hosts that the operator has not named. */
export class TaskImages {
  readonly #labelStudio: URL | undefined
  readonly #token: AccessToken | undefined
  readonly #allowedHosts: readonly string[]
  readonly #maxBytes: number

  constructor({ labelStudioUrl, apiKey, allowedHosts, maxBytes = MAX_BYTES }: TaskImagesOptions) {
    this.#labelStudio =
      labelStudioUrl === undefined ? undefined : new URL(`${labelStudioUrl.replace(/\/+$/, '')}/`)
    this.#token =
      this.#labelStudio && apiKey ? new AccessToken(this.#labelStudio, apiKey) : undefined
    this.#allowedHosts = allowedHosts
    this.#maxBytes = maxBytes
  }

  /** @throws ImageError */
  async read(address: unknown, signal: AbortSignal): Promise<Blob> {
    if (typeof address !== 'string' || address === '') {
      throw new ImageError('the task has no address of an image')
    }
    const url = this.#resolve(address.trim())
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)])
    try {
      return await readLimited(await this.#open(url, deadline), this.#maxBytes)
    } catch (error) {
      if (signal.aborted || error instanceof ImageError) throw error
      const why = deadline.aborted ? 'does not answer in time' : 'cannot be read'
      throw new ImageError(`${nameOf(url)} ${why}`, { cause: error })
    }
  }

  #resolve(address: string): URL {
    if (/^\/?upload\//.test(address)) return this.#resolve(`/data/${address.replace(/^\//, '')}`)
    if (address.startsWith('/') && !address.startsWith('//')) return this.#fileOf(address)
    if (!URL.canParse(address)) throw new ImageError('the address of the image is none')
    const url = new URL(address)
    if (url.protocol === 'data:') return url
    if (url.protocol !== 'http:' && url.protocol !== 'https:') {
      throw new ImageError(
        `${url.protocol} addresses are not read; let Label Studio make them addresses of http`,
      )
    }
    if (this.#isLabelStudio(url)) return this.#checkFile(url)
    if (!this.#allowedHosts.includes(url.host)) {
      throw new ImageError(`nothing is read from ${url.host}; --allow-host ${url.host} allows it`)
    }
    return url
  }

  /** A file of Label Studio's own, also where that is at a path of its host. */
  #fileOf(address: string): URL {
    const server = this.#labelStudio
    if (server === undefined) {
      throw new ImageError('the image is a file of Label Studio: --label-studio-url is missing')
    }
    const inside = address.startsWith(server.pathname)
      ? address.slice(server.pathname.length)
      : address.slice(1)
    return this.#checkFile(new URL(inside, server))
  }

  /** The key opens more than files, and a task may name any address. */
  #checkFile(url: URL): URL {
    const { origin, pathname } = this.#labelStudio ?? url
    const isInside = url.origin === origin && url.pathname.startsWith(pathname)
    if (isInside && FILES.test(`/${url.pathname.slice(pathname.length)}`)) return url
    throw new ImageError(`${url.pathname} is no file of Label Studio`)
  }

  async #open(url: URL, signal: AbortSignal): Promise<Response> {
    let at = url
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const reply = await this.#ask(at, signal)
      const target = reply.headers.get('location')
      if (reply.status < 300 || reply.status > 399 || target === null) return checked(reply, at)
      await reply.body?.cancel()
      const next = new URL(target, at)
      if (next.origin !== at.origin) {
        throw new ImageError(`${nameOf(at)} leads to another host, ${next.host}; name that one`)
      }
      if (LOGIN.test(next.pathname)) throw new ImageError(refusal(at))
      at = next
    }
    throw new ImageError(`${nameOf(url)} leads from one address to the next`)
  }

  async #ask(url: URL, signal: AbortSignal): Promise<Response> {
    const token = this.#isLabelStudio(url) ? this.#token : undefined
    if (token === undefined) return fetch(url, { redirect: 'manual', signal })
    const send = async (): Promise<Response> =>
      fetch(url, {
        redirect: 'manual',
        signal,
        headers: { authorization: await token.header(signal) },
      })
    const reply = await send()
    if (reply.status !== 401 || !token.expire()) return reply
    await reply.body?.cancel()
    return send()
  }

  #isLabelStudio({ origin }: URL): boolean {
    return origin === this.#labelStudio?.origin
  }
}

function checked(reply: Response, url: URL): Response {
  if (reply.ok) return reply
  if (reply.status === 401 || reply.status === 403) throw new ImageError(refusal(url))
  throw new ImageError(`${nameOf(url)} answers with HTTP ${reply.status}`)
}

function refusal(url: URL): string {
  return `${nameOf(url)} is not for everybody: is LABEL_STUDIO_API_KEY set, and right?`
}

/** Without its query, which may hold a signature. */
function nameOf({ protocol, origin, pathname }: URL): string {
  return protocol === 'data:' ? 'the image in the task' : `${origin}${pathname}`
}
