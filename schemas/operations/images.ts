import { z } from 'zod'
import { StoredImage, StoredImageParams, StoreImageRequest } from '../images.ts'
import type { Operation } from '../operation.ts'
import { bodyErrors, imageFile } from './image-body.ts'

export const storeImage = {
  id: 'storeImage',
  method: 'POST',
  path: '/v1/images',
  tag: 'images',
  scope: 'infer',
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
  scope: 'infer',
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
  scope: 'infer',
  summary: 'Delete a stored image',
  params: StoredImageParams,
  status: 204,
  errors: ['invalid_request', 'image_not_found', 'internal', 'shutting_down'],
} as const satisfies Operation
