import { z } from 'zod'
import { ModelId, TaskName } from './tasks/index.ts'

export const Model = z
  .strictObject({
    id: ModelId,
    description: z.string().describe('What it was trained on and what it can be asked about'),
    tasks: z.array(TaskName).describe('What it can do'),
    frame_size: z.int().min(1).describe('Side in pixels of the square frame that it sees'),
    max_tokens: z.int().min(1).describe('Tokens that it writes at most'),
    parameters: z.int().min(1).describe('Number of its weights'),
    device: z.string().describe('Where it runs, for example cpu or cuda'),
    dtype: z.string().describe('Number format of its weights, for example float32'),
  })
  .meta({ id: 'Model', description: 'A model that is loaded' })
export type Model = z.infer<typeof Model>

export const ModelList = z.strictObject({ models: z.array(Model) }).meta({ id: 'ModelList' })
export type ModelList = z.infer<typeof ModelList>
