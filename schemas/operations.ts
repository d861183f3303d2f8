import { z } from 'zod'
import type { ErrorCode } from './error.ts'
import { Health, Live, Ready } from './health.ts'
import { ImageId } from './image.ts'
import { StoredImage, StoredImageParams, StoreImageRequest } from './images.ts'
import { ModelList } from './models.ts'
import type { Operation } from './operation.ts'
import { pictureBody } from './picture.ts'
import { EventStreamBody } from './stream.ts'
import { type Task, tasks } from './tasks/index.ts'

const imageFile = z.custom<Uint8Array>().meta({
  override: {
    type: 'string',
    format: 'binary',
    description: 'The image file (JPEG, PNG or WebP)',
  },
})

const bodyErrors = [
  'invalid_request',
  'body_too_large',
  'body_unsupported',
  'image_too_large',
  'image_too_small',
  'image_unsupported',
  'image_unreadable',
] as const satisfies ErrorCode[]

const workerErrors = [
  'internal',
  'queue_full',
  'worker_crashed',
  'out_of_memory',
  'worker_unavailable',
  'model_unavailable',
  'shutting_down',
  'deadline_exceeded',
] as const satisfies ErrorCode[]

/** The route of a task. */
export function taskOperation(task: Task): Operation {
  return {
    id: task.name,
    method: 'POST',
    path: `/v1/${task.slug}`,
    tag: 'tasks',
    summary: task.summary,
    description: task.description,
    body: {
      json: task.request,
      form: z.strictObject({
        image: imageFile.optional(),
        image_id: ImageId.optional(),
        ...task.options.shape,
      }),
    },
    status: 200,
    result: task.result,
    alternatives: {
      ...(task.streams && { 'text/event-stream': EventStreamBody }),
      ...(task.picture && { 'image/png': pictureBody(task.picture) }),
    },
    errors: [
      ...bodyErrors,
      'image_not_found',
      'model_not_found',
      'task_unsupported',
      'not_acceptable',
      ...workerErrors,
    ],
  }
}

export const storeImage = {
  id: 'storeImage',
  method: 'POST',
  path: '/v1/images',
  tag: 'images',
  summary: 'Send an image once',
  description:
    'Keeps an image for later requests, which then name it by its id. The same bytes always have the same id.',
  body: { json: StoreImageRequest, form: z.strictObject({ image: imageFile }) },
  status: 201,
  result: StoredImage,
  errors: [...bodyErrors, 'internal', 'shutting_down', 'storage_full'],
} as const satisfies Operation

export const readImage = {
  id: 'readImage',
  method: 'GET',
  path: '/v1/images/{id}',
  tag: 'images',
  summary: 'Look up a stored image',
  params: StoredImageParams,
  status: 200,
  result: StoredImage,
  errors: ['invalid_request', 'image_not_found', 'internal', 'shutting_down'],
} as const satisfies Operation

export const deleteImage = {
  id: 'deleteImage',
  method: 'DELETE',
  path: '/v1/images/{id}',
  tag: 'images',
  summary: 'Delete a stored image',
  params: StoredImageParams,
  status: 204,
  errors: ['invalid_request', 'image_not_found', 'internal', 'shutting_down'],
} as const satisfies Operation

export const listModels = {
  id: 'listModels',
  method: 'GET',
  path: '/v1/models',
  tag: 'models',
  summary: 'List the models that are loaded',
  status: 200,
  result: ModelList,
  errors: ['internal', 'shutting_down'],
} as const satisfies Operation

export const healthz = {
  id: 'healthz',
  method: 'GET',
  path: '/healthz',
  tag: 'health',
  summary: 'Whether the server is alive',
  status: 200,
  result: Health,
  errors: ['internal'],
} as const satisfies Operation

export const readyz = {
  id: 'readyz',
  method: 'GET',
  path: '/readyz',
  tag: 'health',
  summary: 'Whether a worker has its model and answers',
  status: 200,
  result: Health,
  errors: ['worker_unavailable', 'model_unavailable', 'shutting_down'],
} as const satisfies Operation

export const kserveLive = {
  id: 'kserveLive',
  method: 'GET',
  path: '/v2/health/live',
  tag: 'health',
  summary: 'The same as /healthz, under the name that KServe knows',
  status: 200,
  result: Live,
  errors: ['internal'],
} as const satisfies Operation

export const kserveReady = {
  id: 'kserveReady',
  method: 'GET',
  path: '/v2/health/ready',
  tag: 'health',
  summary: 'The same as /readyz, under the name that KServe knows',
  status: 200,
  result: Ready,
  errors: ['worker_unavailable', 'model_unavailable', 'shutting_down'],
} as const satisfies Operation

export const readContract = {
  id: 'readContract',
  method: 'GET',
  path: '/openapi.json',
  tag: 'contract',
  summary: 'This document',
  status: 200,
  result: z.record(z.string(), z.unknown()),
  errors: ['internal', 'shutting_down'],
} as const satisfies Operation

/** Every route of the API. */
export const operations: readonly Operation[] = [
  ...tasks.map(taskOperation),
  storeImage,
  readImage,
  deleteImage,
  listModels,
  healthz,
  readyz,
  kserveLive,
  kserveReady,
  readContract,
]
