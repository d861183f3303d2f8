import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

export interface Asked {
  readonly method: string
  readonly url: string
  readonly authorization: string | undefined
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** Serves what it is told to, by path, and keeps what was asked. */
export class FakeLabelStudio {
  readonly asked: Asked[] = []
  readonly files = new Map<string, Answer>()
  readonly #server = createServer((request, response) => {
    const { method = '', url = '', headers } = request
    this.asked.push({ method, url, authorization: headers.authorization })
    const [path = ''] = url.split('?')
    const answer = this.files.get(path)
    if (answer === undefined) response.writeHead(404).end()
    else answer(request, response)
  })

  async open(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    const address = this.#server.address()
    if (typeof address !== 'object' || address === null) throw new Error('it does not listen')
    return `http://127.0.0.1:${address.port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  /** A file for everybody. */
  serve(path: string, bytes: Uint8Array): void {
    this.files.set(path, (_, response) => response.end(bytes))
  }

  /** A file for those who send this header, as Label Studio answers. */
  guard(path: string, bytes: Uint8Array, authorization: string): void {
    this.files.set(path, ({ headers }, response) => {
      if (headers.authorization === authorization) response.end(bytes)
      else response.writeHead(401).end('{"detail":"Authentication credentials were not provided."}')
    })
  }

  redirect(path: string, location: string): void {
    this.files.set(path, (_, response) => response.writeHead(302, { location }).end())
  }
}
