import type { FastifyInstance } from 'fastify'
import { readMetrics } from '../../schemas/index.ts'
import type { Metrics } from '../metrics/index.ts'
import { mount } from '../mount.ts'

export function metricsRoutes(app: FastifyInstance, metrics: Metrics): void {
  mount(app, readMetrics, async (_, reply) => {
    reply.type(metrics.registry.contentType)
    return reply.send(await metrics.text())
  })
}
