import { once } from 'node:events'
import { createServer } from 'node:http'
import { afterEach, describe, expect, test } from '@jest/globals'
import { ConnectionError, PixelLLM, type UploadProgress } from '../../sdk/src/index.ts'

const archive = new Blob([new Uint8Array(1000)])
const dataset = { id: 'ds_1' }

/** As much of a browser's XMLHttpRequest as the client uses, with an end that a test chooses. */
class FakeXhr {
  static last: FakeXhr
  static end: 'load' | 'error' | 'never' = 'load'
  static status = 201
  static body: unknown = dataset
  readonly upload: { onprogress?: (event: { loaded: number }) => void } = {}
  readonly sent: Record<string, string> = {}
  readonly responseText = JSON.stringify(FakeXhr.body)
  readonly status = FakeXhr.status
  onload?: () => void
  onerror?: () => void
  onabort?: () => void
  opened: readonly string[] = []
  form: unknown

  constructor() {
    FakeXhr.last = this
  }

  open(...opened: string[]): void {
    this.opened = opened
  }

  setRequestHeader(name: string, value: string): void {
    this.sent[name] = value
  }

  getResponseHeader(name: string): string | null {
    return name === 'retry-after' ? '0' : 'application/problem+json'
  }

  send(form: unknown): void {
    this.form = form
    // The form is larger than its file.
    for (const loaded of [400, 1000, 1180]) this.upload.onprogress?.({ loaded })
    if (FakeXhr.end === 'load') setImmediate(() => this.onload?.())
    if (FakeXhr.end === 'error') setImmediate(() => this.onerror?.())
  }

  abort(): void {
    this.onabort?.()
  }
}

describe('an upload of a browser', () => {
  const client = new PixelLLM({
    baseUrl: 'http://server.test',
    headers: { authorization: 'Bearer key' },
    retries: 0,
  })

  afterEach(() => {
    Reflect.deleteProperty(globalThis, 'XMLHttpRequest')
    Object.assign(FakeXhr, { end: 'load', status: 201, body: dataset })
  })

  function inBrowser(change: Partial<Pick<typeof FakeXhr, 'end' | 'status' | 'body'>> = {}): void {
    Object.assign(FakeXhr, change)
    Object.assign(globalThis, { XMLHttpRequest: FakeXhr })
  }

  test('says what has gone out, of the file alone', async () => {
    inBrowser()
    const progress: UploadProgress[] = []

    const sent = await client.datasets.upload(archive, { onProgress: (one) => progress.push(one) })

    expect(sent).toEqual(dataset)
    expect(progress.map(({ sent }) => sent)).toEqual([400, 1000, 1000])
    expect(FakeXhr.last.opened).toEqual(['POST', 'http://server.test/v1/datasets'])
    expect(FakeXhr.last.form).toBeInstanceOf(FormData)
  })

  test('leaves the type of the form to the browser, which knows its boundary', async () => {
    inBrowser()

    await client.datasets.upload(archive)

    expect(FakeXhr.last.sent).toEqual({ authorization: 'Bearer key' })
  })

  test('throws what the server says', async () => {
    const problem = { title: 'The archive is too large', status: 413, code: 'archive_too_large' }
    inBrowser({ status: 413, body: problem })

    await expect(client.datasets.upload(archive)).rejects.toMatchObject({
      code: 'archive_too_large',
    })
  })

  test('throws where the connection breaks', async () => {
    inBrowser({ end: 'error' })

    await expect(client.datasets.upload(archive)).rejects.toBeInstanceOf(ConnectionError)
  })

  test('ends when its signal is aborted', async () => {
    inBrowser({ end: 'never' })
    const stop = new AbortController()

    const sent = client.datasets.upload(archive, { signal: stop.signal })
    await new Promise(setImmediate)
    stop.abort(new Error('enough'))

    await expect(sent).rejects.toThrow('enough')
  })
})

describe('an upload of Node', () => {
  test('throws what a server says that does not read to the end', async () => {
    const problem = { title: 'The archive is too large', status: 413, code: 'archive_too_large' }
    const server = createServer((request, reply) => {
      request.once('data', () => {
        reply.writeHead(413, { 'content-type': 'application/problem+json', connection: 'close' })
        reply.end(JSON.stringify(problem))
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const client = new PixelLLM({ baseUrl: `http://127.0.0.1:${port}`, retries: 0 })

    const sent = client.datasets.upload(new Blob([new Uint8Array(30_000_000)]))

    await expect(sent).rejects.toMatchObject({ code: 'archive_too_large' })
    server.close()
  })

  test('falls silent for no longer than it may', async () => {
    const server = createServer(() => undefined).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const client = new PixelLLM({ baseUrl: `http://127.0.0.1:${port}`, timeoutMs: 300 })

    const sent = client.datasets.upload(new Blob([new Uint8Array(30_000_000)]))

    await expect(sent).rejects.toMatchObject({ name: 'TimeoutError' })
    server.closeAllConnections()
    server.close()
  })
})
