import type { FastifyInstance } from 'fastify'

/** The contract itself. Made when it is first asked for: a server mostly is not. */
export function openapiRoute(app: FastifyInstance): void {
  app.get('/openapi.json', async () => {
    const { openapiDocument } = await import('../../schemas/document.ts')
    return openapiDocument()
  })
}
