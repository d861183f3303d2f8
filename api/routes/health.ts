import type { FastifyInstance } from 'fastify'
import { healthz, kserveLive, kserveReady, readyz } from '../../schemas/index.ts'
import type { Worker } from '../../worker-bridge/index.ts'
import { ApiError } from '../errors.ts'
import { mount } from '../mount.ts'

export function healthRoutes(app: FastifyInstance, worker: Worker): void {
  mount(app, healthz, async () => ({ status: 'ok' as const }))
  mount(app, kserveLive, async () => ({ live: true as const }))
  mount(app, readyz, async () => {
    requireReady(worker)
    return { status: 'ok' as const }
  })
  mount(app, kserveReady, async () => {
    requireReady(worker)
    return { ready: true as const }
  })
}

/** Throws unless a worker has its model and answered its last heartbeats. */
function requireReady(worker: Worker): void {
  const { state, reason } = worker.status()
  switch (state) {
    case 'ready':
      return
    case 'starting':
      throw new ApiError('worker_unavailable', reason ?? 'the model is being loaded')
    case 'unresponsive':
      throw new ApiError('worker_unavailable', reason ?? 'the worker does not answer')
    case 'failed':
      throw new ApiError('model_unavailable', reason ?? 'the model cannot be loaded')
    case 'closed':
      throw new ApiError('shutting_down', 'the server is shutting down')
  }
}
