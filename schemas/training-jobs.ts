import { z } from 'zod'
import { DatasetId } from './datasets.ts'
import { Failure } from './error.ts'
import { has_more } from './page.ts'
import { ModelId } from './tasks/index.ts'

export const TrainingJobId = z
  .string()
  .regex(/^job_[0-9a-z]{26}$/, { error: 'it must look like job_ and 26 letters or digits' })
  .meta({
    id: 'TrainingJobId',
    description: 'Name of a training job; later jobs have later names in the alphabet',
    example: 'job_01k2x8p0h3v5w7y9a1c3e5g7j9',
  })
export type TrainingJobId = z.infer<typeof TrainingJobId>

export const RecipeName = z
  .enum(['caption_pretrain', 'trace', 'ref', 'refseg', 'densecap', 'joint', 'joint_refseg'])
  .meta({ id: 'RecipeName', description: 'What is taught and how: docs/training.md' })
export type RecipeName = z.infer<typeof RecipeName>

export const TRAINING_JOB_STATUSES = [
  'validating_files',
  'queued',
  'running',
  'paused',
  'succeeded',
  'failed',
  'cancelled',
] as const

export const TrainingJobStatus = z.enum(TRAINING_JOB_STATUSES).meta({
  id: 'TrainingJobStatus',
  description: 'The last three are final',
})
export type TrainingJobStatus = z.infer<typeof TrainingJobStatus>

export const Hyperparameters = z
  .record(
    z
      .string()
      .max(100)
      .regex(/^[a-z_]+(\.[a-z_]+)*$/),
    z.union([z.string().max(200), z.number(), z.boolean(), z.array(z.string().max(100)).max(20)]),
  )
  .meta({
    id: 'Hyperparameters',
    description: 'Settings of the recipe by name; those that are not named keep its own values',
    example: { steps: 300, batch_size: 8, 'optimiser.learning_rate': 0.0005 },
  })
export type Hyperparameters = z.infer<typeof Hyperparameters>

const Metadata = z
  .record(z.string().min(1).max(64), z.string().max(512))
  .refine((entries) => Object.keys(entries).length <= 16, { error: 'at most 16 entries' })
  .describe('Whatever the caller wants to remember; the server does not read it')

export const TrainingJobRequest = z
  .strictObject({
    recipe: RecipeName,
    dataset: DatasetId,
    base_model: ModelId.optional().describe('What to start from; absent, the default model'),
    hyperparameters: Hyperparameters.default({}),
    seed: z
      .int()
      .min(0)
      .max(2 ** 31 - 1)
      .default(0),
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, {
        error: 'it must be 1 to 40 lower-case letters, digits and hyphens',
      })
      .optional()
      .describe('Becomes a part of the name of the model'),
    metadata: Metadata.default({}),
  })
  .meta({ id: 'TrainingJobRequest' })
export type TrainingJobRequest = z.infer<typeof TrainingJobRequest>

const moment = z.iso.datetime()

export const TrainingProgress = z
  .strictObject({
    step: z.int().min(0).describe('Steps that are done'),
    steps: z.int().min(1).describe('Steps in all'),
    losses: z.record(z.string(), z.number()).describe('Means of the last report, by name'),
    learning_rate: z.number().nullable(),
    images_per_s: z.number().nullable(),
    memory_bytes: z.int().nullable().describe('Of the process, or of the device where it has one'),
    remaining_s: z.number().nullable().describe('At the pace of the last report'),
  })
  .meta({ id: 'TrainingProgress' })
export type TrainingProgress = z.infer<typeof TrainingProgress>

export const TrainingJob = z
  .strictObject({
    id: TrainingJobId,
    name: z.string().nullable(),
    status: TrainingJobStatus,
    recipe: RecipeName,
    dataset: DatasetId,
    base_model: ModelId,
    hyperparameters: Hyperparameters,
    seed: z.int(),
    metadata: z.record(z.string(), z.string()),
    created_at: moment,
    started_at: moment.nullable().describe('When its first step began'),
    finished_at: moment.nullable(),
    requested: z
      .enum(['pause', 'cancel'])
      .nullable()
      .describe('What a running job has been asked for and will do after its present step'),
    progress: TrainingProgress.nullable(),
    model: ModelId.nullable().describe('What a succeeded job has made'),
    error: Failure.nullable().describe('Why it failed'),
  })
  .meta({ id: 'TrainingJob' })
export type TrainingJob = z.infer<typeof TrainingJob>

export const TrainingJobList = z
  .strictObject({ training_jobs: z.array(TrainingJob).describe('The newest first'), has_more })
  .meta({ id: 'TrainingJobList' })
export type TrainingJobList = z.infer<typeof TrainingJobList>

export const TrainingEventLevel = z.enum(['info', 'warn', 'error'])

export const TrainingEvent = z
  .strictObject({
    id: z.int().min(1).describe('Its number among the events of the job; some may be missing'),
    at: moment,
    level: TrainingEventLevel,
    type: z
      .enum(['status', 'request', 'metrics', 'checkpoint', 'message'])
      .describe(
        '`status`: it has another one; `request`: it was asked to pause or cancel; `metrics`: a report; `checkpoint`: one was saved',
      ),
    message: z.string().describe('What happened, for people'),
    data: z.record(z.string(), z.unknown()).describe('The same for programs'),
  })
  .meta({ id: 'TrainingEvent', description: 'Something that happened to a training job' })
export type TrainingEvent = z.infer<typeof TrainingEvent>

export const TrainingEventList = z
  .strictObject({ events: z.array(TrainingEvent).describe('In order'), has_more })
  .meta({ id: 'TrainingEventList' })
export type TrainingEventList = z.infer<typeof TrainingEventList>

export const TrainingMetrics = z
  .strictObject({
    step: z.int().min(0),
    values: z.record(z.string(), z.number()).describe('By name'),
  })
  .meta({ id: 'TrainingMetrics', description: 'What a report or a validation found' })
export type TrainingMetrics = z.infer<typeof TrainingMetrics>

export const TrainingMetricsList = z
  .strictObject({ metrics: z.array(TrainingMetrics).describe('By step'), has_more })
  .meta({ id: 'TrainingMetricsList' })
export type TrainingMetricsList = z.infer<typeof TrainingMetricsList>

export const CheckpointId = z
  .string()
  .regex(/^step-\d{8}$/, { error: 'it must look like step- and 8 digits' })
  .meta({ id: 'CheckpointId', example: 'step-00000300' })
export type CheckpointId = z.infer<typeof CheckpointId>

export const TrainingCheckpoint = z
  .strictObject({
    id: CheckpointId,
    step: z.int().min(0),
    score: z.number().nullable().describe('Its validation; the lowest is the best'),
    bytes: z.int().min(0),
    created_at: moment,
  })
  .meta({ id: 'TrainingCheckpoint', description: 'What a job can go on from' })
export type TrainingCheckpoint = z.infer<typeof TrainingCheckpoint>

export const TrainingCheckpointList = z
  .strictObject({ checkpoints: z.array(TrainingCheckpoint).describe('The newest first') })
  .meta({ id: 'TrainingCheckpointList' })
export type TrainingCheckpointList = z.infer<typeof TrainingCheckpointList>

export const TrainingJobParams = z.strictObject({ id: TrainingJobId })
export const TrainingCheckpointParams = z.strictObject({
  id: TrainingJobId,
  checkpoint: CheckpointId,
})

/** `job.json`: what was asked for. It never changes. */
export const TrainingJobRecord = z
  .strictObject({
    id: TrainingJobId,
    name: z.string().nullable(),
    recipe: RecipeName,
    dataset: DatasetId,
    base_model: ModelId,
    hyperparameters: Hyperparameters,
    seed: z.int().min(0),
    metadata: z.record(z.string(), z.string()),
    steps: z.int().min(1),
    model: ModelId.describe('The model that it will make'),
    created_at: moment,
  })
  .meta({ id: 'TrainingJobRecord' })
export type TrainingJobRecord = z.infer<typeof TrainingJobRecord>

/** A line of `events.jsonl`; its number in the file is the event's id. */
export const TrainingEventRecord = TrainingEvent.omit({ id: true }).meta({
  id: 'TrainingEventRecord',
})
export type TrainingEventRecord = z.infer<typeof TrainingEventRecord>
