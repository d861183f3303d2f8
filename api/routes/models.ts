import type { FastifyInstance } from 'fastify'
import { listModels } from '../../schemas/index.ts'
import type { Worker } from '../../worker-bridge/index.ts'
import { mount } from '../mount.ts'

export function modelRoutes(app: FastifyInstance, worker: Worker): void {
  mount(app, listModels, async () => ({
    models: worker.status().models.map((model, index) => ({
      ...model,
      status: 'active' as const,
      default: index === 0,
      base_model: null,
      training_job: null,
      created_at: null,
      bytes: null,
      error: null,
    })),
  }))
}
