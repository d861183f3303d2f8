import type { FastifyInstance } from 'fastify'
import { readContract } from '../../schemas/index.ts'
import { mount } from '../mount.ts'

/** The document is made when it is first asked for: a server mostly is not. */
export function contractRoutes(app: FastifyInstance): void {
  mount(app, readContract, async () => {
    const { openapiDocument } = await import('../../schemas/document.ts')
    return { ...openapiDocument() }
  })
}
