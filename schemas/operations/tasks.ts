import { z } from 'zod'
import type { ErrorCode } from '../error.ts'
import { ImageId } from '../image.ts'
import type { Operation } from '../operation.ts'
import { PngBody, pictureQuery, SvgBody } from '../picture.ts'
import { EventStreamBody } from '../stream.ts'
import type { Task } from '../tasks/index.ts'
import { bodyErrors, imageFile } from './image-body.ts'

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
    scope: 'infer',
    summary: task.summary,
    description: task.description,
    query: pictureQuery(task),
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
      'image/png': PngBody,
      'image/svg+xml': SvgBody,
    },
    errors: [
      ...bodyErrors,
      'image_not_found',
      'model_not_found',
      'model_inactive',
      'task_unsupported',
      'not_acceptable',
      ...workerErrors,
    ],
  }
}
