import { ActivateModelRequest, Model, ModelList, ModelParams } from '../models.ts'
import type { Operation } from '../operation.ts'

const failures = ['internal', 'shutting_down'] as const
const loadFailures = [
  'worker_unavailable',
  'worker_crashed',
  'model_unavailable',
  'out_of_memory',
  'deadline_exceeded',
] as const

export const listModels = {
  id: 'listModels',
  method: 'GET',
  path: '/v1/models',
  tag: 'models',
  scope: 'infer',
  summary: 'List the models',
  description: 'The one that the server was started with, then the trained ones, the newest first.',
  status: 200,
  result: ModelList,
  errors: [...failures],
} as const satisfies Operation

export const readModel = {
  id: 'readModel',
  method: 'GET',
  path: '/v1/models/{id}',
  tag: 'models',
  scope: 'infer',
  summary: 'Look up a model',
  params: ModelParams,
  status: 200,
  result: Model,
  errors: ['invalid_request', 'model_not_found', ...failures],
} as const satisfies Operation

export const activateModel = {
  id: 'activateModel',
  method: 'POST',
  path: '/v1/models/{id}/activate',
  tag: 'models',
  scope: 'admin',
  summary: 'Load a trained model, so that it can be asked',
  description:
    'Its base stays loaded and shares its weights with it. It stays active when the server is started again.',
  params: ModelParams,
  body: { json: ActivateModelRequest, required: false },
  status: 200,
  result: Model,
  errors: [
    'invalid_request',
    'body_too_large',
    'body_unsupported',
    'model_not_found',
    'storage_full',
    ...failures,
    ...loadFailures,
  ],
} as const satisfies Operation

export const deactivateModel = {
  id: 'deactivateModel',
  method: 'POST',
  path: '/v1/models/{id}/deactivate',
  tag: 'models',
  scope: 'admin',
  summary: 'Let go of a trained model when its calls are answered',
  params: ModelParams,
  status: 200,
  result: Model,
  errors: [
    'invalid_request',
    'model_not_found',
    'in_use',
    'storage_full',
    ...failures,
    ...loadFailures,
  ],
} as const satisfies Operation

export const deleteModel = {
  id: 'deleteModel',
  method: 'DELETE',
  path: '/v1/models/{id}',
  tag: 'models',
  scope: 'admin',
  summary: 'Delete a trained model that is not active',
  params: ModelParams,
  status: 204,
  errors: ['invalid_request', 'model_not_found', 'in_use', ...failures],
} as const satisfies Operation
