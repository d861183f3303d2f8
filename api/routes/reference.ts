/**
 * The API reference at /docs. Everything that it needs comes from this server: it works offline, and
 * its policy lets the browser load nothing from elsewhere.
 */
import { createReadStream } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance } from 'fastify'
import { readReference } from '../../schemas/index.ts'
import { mount } from '../mount.ts'

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  // Scalar writes its styles into the page.
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>PixelLLM Server: API reference</title>
</head>
<body>
<main id="reference"><noscript>This page needs JavaScript; /openapi.json is the same to read.</noscript></main>
<script src="docs/scalar.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
`

/** Without what Scalar would fetch from its makers, or send to them. */
const SETTINGS = {
  url: 'openapi.json',
  withDefaultFonts: false,
  telemetry: false,
  hideClientButton: true,
  showDeveloperTools: 'never',
  agent: { disabled: true },
  mcp: { disabled: true },
  documentDownloadType: 'json',
}
const START = `Scalar.createApiReference('#reference', ${JSON.stringify(SETTINGS)})\n`

/** The script changes only with the version of its package. */
const CACHE = 'public, max-age=3600'

export function referenceRoutes(app: FastifyInstance): void {
  mount(app, readReference, async (_, reply) => {
    reply.header('content-security-policy', POLICY).header('referrer-policy', 'no-referrer')
    return reply.type('text/html; charset=utf-8').send(PAGE)
  })
  app.get('/docs/start.js', async (_, reply) => reply.type('text/javascript').send(START))
  app.get('/docs/scalar.js', async (_, reply) => {
    reply.type('text/javascript; charset=utf-8').header('cache-control', CACHE)
    return reply.send(createReadStream(scalarFile()))
  })
}

/** Scalar for browsers, which its package for Fastify has as a file. */
function scalarFile(): string {
  const main = import.meta.resolve('@scalar/fastify-api-reference')
  return fileURLToPath(new URL('js/standalone.js', main))
}
