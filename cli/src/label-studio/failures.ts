import { ApiError } from '@pixelllm/sdk'
import { concernsOneImage } from '../one-image.ts'
import { ImageError } from './image-error.ts'

/** After these no task can be answered. */
const AWAY = ['worker_unavailable', 'model_unavailable', 'shutting_down']

/** Whether the model has no part for what was asked. */
export function lacksTask(error: unknown): error is ApiError {
  return error instanceof ApiError && error.code === 'task_unsupported'
}

/** Whether other tasks can still be answered after this failure. */
export function concernsOneTask(error: unknown): error is ApiError | ImageError {
  if (error instanceof ImageError) return true
  if (error instanceof ApiError && error.code === 'invalid_request') return true
  return concernsOneImage(error) && !AWAY.includes(error.code)
}
