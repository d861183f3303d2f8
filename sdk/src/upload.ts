import type { Deadline } from './deadline.ts'
import { ConnectionError } from './failures.ts'

export interface UploadProgress {
  /** Bytes of the file that were handed to the network. */
  readonly sent: number
  readonly total: number
}

export type OnProgress = (progress: UploadProgress) => void

type Fetch = (request: Request) => Promise<Response>

/** The part of a browser's XMLHttpRequest that is used; Node has none. */
interface Upload {
  readonly upload: { onprogress: ((event: { readonly loaded: number }) => void) | null }
  onload: (() => void) | null
  onerror: (() => void) | null
  onabort: (() => void) | null
  readonly status: number
  readonly responseText: string
  open(method: string, url: string): void
  setRequestHeader(name: string, value: string): void
  getResponseHeader(name: string): string | null
  send(body: FormData): void
  abort(): void
}
declare const XMLHttpRequest: (new () => Upload) | undefined

/**
 * Sends a form and says how far its file of `total` bytes has come.
 *
 * A browser's `fetch` cannot say that, and can stream a body over HTTP/2 alone: there it is an
 * XMLHttpRequest, whose progress is what has gone out. Elsewhere the body is counted as the network
 * takes it, which reads no more than it can send.
 */
export function uploadForm(
  form: FormData,
  total: number,
  deadline: Deadline,
  onProgress: OnProgress = () => undefined,
): Fetch {
  // What is around the file in the form counts as sent after it.
  const report = (bytes: number): void => {
    deadline.extend()
    onProgress({ sent: Math.min(bytes, total), total })
  }
  return (request) =>
    typeof XMLHttpRequest === 'undefined'
      ? sendCounted(request, deadline.signal, report)
      : sendByXhr(new XMLHttpRequest(), request, form, report)
}

function sendCounted(
  request: Request,
  signal: AbortSignal,
  report: (bytes: number) => void,
): Promise<Response> {
  if (request.body === null) return fetch(request, { signal })
  let bytes = 0
  const counter = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      bytes += chunk.byteLength
      controller.enqueue(chunk)
      report(bytes)
    },
  })
  const body = request.body.pipeThrough(counter)
  // Node keeps all of a body that a redirect could ask for again. And it takes the signal of another
  // request only until that is collected: so the signal itself.
  // Browsers' types do not know `duplex` yet.
  const init: RequestInit & { duplex: 'half' } = { body, duplex: 'half', redirect: 'error' }
  return fetch(new Request(request, init), { signal })
}

function sendByXhr(
  xhr: Upload,
  request: Request,
  form: FormData,
  report: (bytes: number) => void,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const stop = (): void => xhr.abort()
    const settle = (end: () => void) => (): void => {
      request.signal.removeEventListener('abort', stop)
      end()
    }
    request.signal.addEventListener('abort', stop)
    xhr.upload.onprogress = ({ loaded }) => report(loaded)
    xhr.onload = settle(() => resolve(responseOf(xhr)))
    xhr.onerror = settle(() => reject(new ConnectionError('the connection to the server failed')))
    xhr.onabort = settle(() => reject(request.signal.reason))
    xhr.open(request.method, request.url)
    for (const [name, value] of request.headers) {
      // The browser writes the form's own type, with a boundary of its choice.
      if (name !== 'content-type') xhr.setRequestHeader(name, value)
    }
    xhr.send(form)
  })
}

function responseOf(xhr: Upload): Response {
  const headers = new Headers()
  for (const name of ['content-type', 'retry-after']) {
    const value = xhr.getResponseHeader(name)
    if (value !== null) headers.set(name, value)
  }
  return new Response(xhr.responseText, { status: xhr.status, headers })
}
