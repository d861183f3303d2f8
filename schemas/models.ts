import { z } from 'zod'
import { ModelId, TaskName } from './tasks/index.ts'
import { TrainingJobId } from './training-jobs.ts'

const facts = {
  id: ModelId,
  description: z.string().describe('What it was trained on and what it can be asked about'),
  tasks: z.array(TaskName).describe('What it can do'),
  frame_size: z.int().min(1).describe('Side in pixels of the square frame that it sees'),
  max_tokens: z.int().min(1).describe('Tokens that it writes at most'),
  parameters: z.int().min(1).describe('Number of its weights'),
}

/** A model in the memory of a worker. */
export const LoadedModel = z
  .strictObject({
    ...facts,
    device: z.string().describe('Where it runs, for example cpu or cuda'),
    dtype: z.string().describe('Number format of its weights, for example float32'),
  })
  .meta({ id: 'LoadedModel' })
export type LoadedModel = z.infer<typeof LoadedModel>

/** `model.json` in the folder of a trained model: what there is to know without loading it. */
export const TrainedModel = z
  .strictObject({
    ...facts,
    base_model: ModelId.describe(
      'The model whose weights it shares: it is kept as a delta to them',
    ),
    base_fingerprint: z.string().describe('Tells the weights that it shares from any others'),
    training_job: TrainingJobId,
    created_at: z.iso.datetime(),
  })
  .meta({ id: 'TrainedModel' })
export type TrainedModel = z.infer<typeof TrainedModel>

export const ModelStatus = z.enum(['active', 'inactive', 'failed']).meta({
  id: 'ModelStatus',
  description: '`active` models can be asked; a `failed` one cannot be loaded',
})
export type ModelStatus = z.infer<typeof ModelStatus>

export const Model = z
  .strictObject({
    ...facts,
    device: z
      .string()
      .nullable()
      .describe('Where it runs, for example cpu; null where it does not'),
    dtype: z
      .string()
      .nullable()
      .describe('Number format of its weights; null where it does not run'),
    status: ModelStatus,
    default: z.boolean().describe('Whether it answers requests that name no model'),
    base_model: ModelId.nullable().describe(
      'What it was trained from; null for one that came whole',
    ),
    training_job: TrainingJobId.nullable().describe('The job that made it'),
    created_at: z.iso.datetime().nullable(),
    bytes: z.int().min(0).nullable().describe('Of its own files; null for one that came whole'),
    error: z.string().nullable().describe('Why it cannot be loaded'),
  })
  .meta({ id: 'Model', description: 'A model of this server' })
export type Model = z.infer<typeof Model>

export const ModelList = z.strictObject({ models: z.array(Model) }).meta({ id: 'ModelList' })
export type ModelList = z.infer<typeof ModelList>

export const ActivateModelRequest = z
  .strictObject({
    default: z
      .boolean()
      .default(false)
      .describe('Whether it also becomes the one that answers requests that name no model'),
  })
  .meta({ id: 'ActivateModelRequest' })

export const ModelParams = z.strictObject({ id: ModelId })
