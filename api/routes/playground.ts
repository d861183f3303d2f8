import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ApiError } from '../errors.ts'
import type { PlaygroundFiles } from '../playground.ts'

/** Everything the page uses comes from this server; pictures are also made in the page itself. */
const POLICY = [
  "default-src 'self'",
  "img-src 'self' blob: data:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const PAGE = 'index.html'
const HEADERS = {
  'content-security-policy': POLICY,
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
}
/** Names of files below the page carry a hash of their content. */
const FOREVER = 'public, max-age=31536000, immutable'

/** The page at `/`, and what it is made of below `/playground/`. */
export function playgroundRoutes(app: FastifyInstance, files: PlaygroundFiles): void {
  app.get('/', async (request, reply) => {
    if (!files.has(PAGE)) {
      const detail =
        'the playground is not built: run "npm run setup" and start the server again; /openapi.json says what else is here'
      throw new ApiError('not_found', detail)
    }
    return send(files, PAGE, request, reply.header('cache-control', 'no-cache'))
  })
  for (const path of files.keys()) {
    if (path === PAGE) continue
    app.get(`/${path}`, async (request, reply) =>
      send(files, path, request, reply.header('cache-control', FOREVER)),
    )
  }
}

function send(
  files: PlaygroundFiles,
  path: string,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const file = files.get(path)
  if (file === undefined) throw new ApiError('not_found', `there is nothing at /${path}`)
  reply.headers({ ...HEADERS, etag: file.etag })
  if (request.headers['if-none-match'] === file.etag) return reply.code(304).send()
  return reply.type(file.type).send(file.bytes)
}
