import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Backend } from './backend.ts'
import { type Credentials, isAuthorized } from './credentials.ts'
import { HttpError, toHttpError } from './http-error.ts'
import { readJson } from './read-json.ts'

export interface ListenOptions {
  readonly host: string
  /** 0 for a free one. */
  readonly port: number
  /** Absent, everybody may ask. */
  readonly credentials?: Credentials | undefined
  /** Writes a line of the log. */
  readonly log: (line: string) => void
}

export interface Listening {
  readonly address: string
  /** Ends it, and what it is working on. May be called twice. */
  close(): Promise<void>
}

type Route = (request: IncomingMessage, signal: AbortSignal) => Promise<object>

/** Serves a backend over HTTP, as Label Studio asks for it. */
export async function listen(backend: Backend, options: ListenOptions): Promise<Listening> {
  const routes = routesOf(backend)
  const server = createServer((request, response) => {
    void answer(request, response, routes, options)
  })
  server.listen(options.port, options.host)
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : options.port
  const host = options.host.includes(':') ? `[${options.host}]` : options.host
  const closed = once(server, 'close')
  const close = async (): Promise<void> => {
    server.close()
    server.closeAllConnections()
    await closed
  }
  return { address: `http://${host}:${port}`, close }
}

/** @see https://github.com/HumanSignal/label-studio-ml-backend/blob/master/label_studio_ml/api.py */
function routesOf(backend: Backend): ReadonlyMap<string, Route> {
  const health: Route = (_, signal) => backend.health(signal)
  return new Map<string, Route>([
    ['GET /', health],
    ['GET /health', health],
    ['GET /versions', (_, signal) => backend.versions(signal)],
    ['POST /setup', async (request, signal) => backend.setup(await readJson(request), signal)],
    ['POST /predict', async (request, signal) => backend.predict(await readJson(request), signal)],
    // Told of every annotation, and nothing is learned from it.
    ['POST /webhook', async () => ({ status: 'ok' })],
  ])
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  routes: ReadonlyMap<string, Route>,
  { credentials, log }: ListenOptions,
): Promise<void> {
  const gone = new AbortController()
  response.once('close', () => gone.abort(new Error('Label Studio has hung up')))
  try {
    if (credentials !== undefined && !isAuthorized(request.headers.authorization, credentials)) {
      throw new HttpError(401, 'the user or the password is wrong')
    }
    const [path = ''] = (request.url ?? '').split('?')
    const route = routes.get(`${request.method} ${path.replace(/(?<=.)\/$/, '')}`)
    if (route === undefined) throw new HttpError(404, 'there is nothing here')
    reply(response, 200, await route(request, gone.signal))
  } catch (error) {
    if (gone.signal.aborted) return
    const failure = toHttpError(error)
    log(`${request.method} ${request.url}: ${failure.message}`)
    if (failure.status === 500) log(String(error instanceof Error ? error.stack : error))
    fail(request, response, failure)
  }
}

/** Label Studio shows its users the status and its reason, and nothing of the body. */
function fail(request: IncomingMessage, response: ServerResponse, { status, message }: HttpError) {
  if (/^[\x20-\x7e]+$/.test(message)) response.statusMessage = message
  if (status === 401) response.setHeader('www-authenticate', 'Basic realm="PixelLLM"')
  // What is left of its body is not waited for.
  if (!request.complete) response.setHeader('connection', 'close')
  reply(response, status, { error: message })
}

function reply(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body)
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  })
  response.end(text)
}
