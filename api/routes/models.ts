import type { FastifyInstance } from 'fastify'
import {
  ActivateModelRequest,
  activateModel,
  deactivateModel,
  deleteModel,
  listModels,
  readModel,
} from '../../schemas/index.ts'
import type { ModelRegistry } from '../models/index.ts'
import { mount } from '../mount.ts'
import { parse } from '../validation.ts'

export function modelRoutes(app: FastifyInstance, models: ModelRegistry): void {
  mount(app, listModels, async () => ({ models: await models.list() }))

  mount(app, readModel, async (request) => {
    const { id } = parse(readModel.params, request.params)
    return models.read(id)
  })

  mount(app, activateModel, async (request) => {
    const { id } = parse(activateModel.params, request.params)
    const options = parse(ActivateModelRequest, request.body ?? {})
    return models.activate(id, options.default)
  })

  mount(app, deactivateModel, async (request) => {
    const { id } = parse(deactivateModel.params, request.params)
    return models.deactivate(id)
  })

  mount(app, deleteModel, async (request, reply) => {
    const { id } = parse(deleteModel.params, request.params)
    await models.delete(id)
    return reply.send()
  })
}
