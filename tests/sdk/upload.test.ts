import { once } from 'node:events'
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from '@jest/globals'
import { ConnectionError, PixelLLM, type UploadProgress } from '../../sdk/src/index.ts'
import { openFile } from '../../sdk/src/node.ts'
import { collectGarbage } from '../helpers/garbage.ts'

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
  const servers: Server[] = []

  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections()
      server.close()
    }
  })

  async function clientOf(answer: RequestListener, timeoutMs = 60_000): Promise<PixelLLM> {
    const server = createServer(answer).listen(0, '127.0.0.1')
    servers.push(server)
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : undefined
    return new PixelLLM({ baseUrl: `http://127.0.0.1:${port}`, retries: 0, timeoutMs })
  }

  test('throws what a server says that does not read to the end', async () => {
    const problem = { title: 'The archive is too large', status: 413, code: 'archive_too_large' }
    const client = await clientOf((request, reply) => {
      request.once('data', () => {
        reply.writeHead(413, { 'content-type': 'application/problem+json', connection: 'close' })
        reply.end(JSON.stringify(problem))
      })
    })

    const sent = client.datasets.upload(new Blob([new Uint8Array(30_000_000)]))

    await expect(sent).rejects.toMatchObject({ code: 'archive_too_large' })
  })

  test('falls silent for no longer than it may', async () => {
    const client = await clientOf(() => undefined, 300)

    const sent = client.datasets.upload(new Blob([new Uint8Array(30_000_000)]))

    await expect(sent).rejects.toMatchObject({ name: 'TimeoutError' })
  })

  test('does not take a large file into memory', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'pixelllm-upload-'))
    const file = join(folder, 'archive.tar')
    await writeFile(file, '')
    await truncate(file, 300_000_000)
    const client = await clientOf((request, reply) => {
      request.resume().once('end', () => reply.end(JSON.stringify(dataset)))
    })
    let kept: number | undefined

    await client.datasets.upload(await openFile(file), {
      onProgress: ({ sent, total }) => {
        if (sent < total) return
        collectGarbage()
        kept = process.memoryUsage().arrayBuffers
      },
    })

    expect(kept).toBeLessThan(100_000_000)
    await rm(folder, { recursive: true })
  })
})
