import type { FastifyInstance } from 'fastify'
import { listModels } from '../../schemas/index.ts'
import type { Worker } from '../../worker-bridge/index.ts'
import { mount } from '../mount.ts'

export function modelRoutes(app: FastifyInstance, worker: Worker): void {
  mount(app, listModels, async () => ({ models: [...worker.status().models] }))
}
