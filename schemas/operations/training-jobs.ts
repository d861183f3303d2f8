import { z } from 'zod'
import type { ErrorCode } from '../error.ts'
import type { Operation } from '../operation.ts'
import { NumberedPageQuery, PageQuery } from '../page.ts'
import { TrainingEventStreamBody } from '../stream.ts'
import {
  TrainingCheckpointList,
  TrainingCheckpointParams,
  TrainingEventList,
  TrainingJob,
  TrainingJobList,
  TrainingJobParams,
  TrainingJobRequest,
  TrainingJobStatus,
  TrainingMetricsList,
} from '../training-jobs.ts'

const failures = ['internal', 'shutting_down'] as const satisfies ErrorCode[]
const jobFailures = ['invalid_request', 'job_not_found', ...failures] as const satisfies ErrorCode[]
/** Of what needs the queue. */
const changeFailures = [
  ...jobFailures,
  'job_conflict',
  'queue_unavailable',
  'storage_full',
] as const satisfies ErrorCode[]

export const createTrainingJob = {
  id: 'createTrainingJob',
  method: 'POST',
  path: '/v1/training-jobs',
  tag: 'training',
  scope: 'train',
  summary: 'Train a model',
  description:
    'With an `Idempotency-Key`, the same request sent again gives the same job and not a second one.',
  headers: z.strictObject({
    'idempotency-key': z
      .string()
      .min(1)
      .max(200)
      .optional()
      .describe('Chosen by the caller, new for each job, for example a UUID; known for a day'),
  }),
  body: { json: TrainingJobRequest },
  status: 201,
  result: TrainingJob,
  errors: [
    'invalid_request',
    'body_too_large',
    'body_unsupported',
    'dataset_not_found',
    'dataset_invalid',
    'model_not_found',
    'idempotency_conflict',
    'worker_unavailable',
    'queue_unavailable',
    'storage_full',
    ...failures,
  ],
} as const satisfies Operation

export const listTrainingJobs = {
  id: 'listTrainingJobs',
  method: 'GET',
  path: '/v1/training-jobs',
  tag: 'training',
  scope: 'train',
  summary: 'List the training jobs',
  query: z.strictObject({ ...PageQuery.shape, status: TrainingJobStatus.optional() }),
  status: 200,
  result: TrainingJobList,
  errors: ['invalid_request', ...failures],
} as const satisfies Operation

export const readTrainingJob = {
  id: 'readTrainingJob',
  method: 'GET',
  path: '/v1/training-jobs/{id}',
  tag: 'training',
  scope: 'train',
  summary: 'Look up a training job',
  params: TrainingJobParams,
  status: 200,
  result: TrainingJob,
  errors: [...jobFailures],
} as const satisfies Operation

export const cancelTrainingJob = {
  id: 'cancelTrainingJob',
  method: 'POST',
  path: '/v1/training-jobs/{id}/cancel',
  tag: 'training',
  scope: 'train',
  summary: 'Cancel a training job',
  description: 'A running one ends after its present step: until then `requested` says `cancel`.',
  params: TrainingJobParams,
  status: 200,
  result: TrainingJob,
  errors: [...changeFailures],
} as const satisfies Operation

export const pauseTrainingJob = {
  id: 'pauseTrainingJob',
  method: 'POST',
  path: '/v1/training-jobs/{id}/pause',
  tag: 'training',
  scope: 'train',
  summary: 'Pause a training job',
  description: 'A running one saves a checkpoint after its present step, and then waits.',
  params: TrainingJobParams,
  status: 200,
  result: TrainingJob,
  errors: [...changeFailures],
} as const satisfies Operation

export const resumeTrainingJob = {
  id: 'resumeTrainingJob',
  method: 'POST',
  path: '/v1/training-jobs/{id}/resume',
  tag: 'training',
  scope: 'train',
  summary: 'Go on with a paused training job',
  params: TrainingJobParams,
  status: 200,
  result: TrainingJob,
  errors: [...changeFailures],
} as const satisfies Operation

export const listTrainingEvents = {
  id: 'listTrainingEvents',
  method: 'GET',
  path: '/v1/training-jobs/{id}/events',
  tag: 'training',
  scope: 'train',
  summary: 'What happened to a training job: a page of it, or live',
  description:
    'With `Accept: text/event-stream` the events come as they happen, from the one behind `Last-Event-ID` (or `after`), and the stream ends with the job.',
  params: TrainingJobParams,
  query: NumberedPageQuery,
  headers: z.strictObject({
    'last-event-id': z.string().max(20).optional().describe('The id of the last event received'),
  }),
  status: 200,
  result: TrainingEventList,
  alternatives: { 'text/event-stream': TrainingEventStreamBody },
  errors: ['not_acceptable', 'queue_full', ...jobFailures],
} as const satisfies Operation

export const listTrainingMetrics = {
  id: 'listTrainingMetrics',
  method: 'GET',
  path: '/v1/training-jobs/{id}/metrics',
  tag: 'training',
  scope: 'train',
  summary: 'The curves of a training job: losses, learning rate, pace',
  params: TrainingJobParams,
  query: NumberedPageQuery,
  status: 200,
  result: TrainingMetricsList,
  errors: [...jobFailures],
} as const satisfies Operation

export const listTrainingCheckpoints = {
  id: 'listTrainingCheckpoints',
  method: 'GET',
  path: '/v1/training-jobs/{id}/checkpoints',
  tag: 'training',
  scope: 'train',
  summary: 'The checkpoints that a training job keeps',
  params: TrainingJobParams,
  status: 200,
  result: TrainingCheckpointList,
  errors: [...jobFailures],
} as const satisfies Operation

export const downloadTrainingCheckpoint = {
  id: 'downloadTrainingCheckpoint',
  method: 'GET',
  path: '/v1/training-jobs/{id}/checkpoints/{checkpoint}',
  tag: 'training',
  scope: 'train',
  summary: 'Download a checkpoint: what was learned and the optimiser, as safetensors and JSON',
  params: TrainingCheckpointParams,
  status: 200,
  alternatives: {
    'application/x-tar': z.custom<Uint8Array>().meta({
      override: { type: 'string', contentMediaType: 'application/x-tar' },
    }),
  },
  errors: ['not_acceptable', 'checkpoint_not_found', ...jobFailures],
} as const satisfies Operation
