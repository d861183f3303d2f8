import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { ModelId, type ModelSource } from '../../schemas/index.ts'
import { codeOf } from '../error-code.ts'
import { writeWhole } from '../write-whole.ts'

/** `active.json`: the trained models that are to be loaded, and which model is the default. */
const ActiveModels = z.strictObject({
  active: z.array(ModelId),
  /** Null for the model that the server was started with. */
  default: ModelId.nullable(),
})
export type ActiveModels = z.infer<typeof ActiveModels>

export async function readActive(directory: string): Promise<ActiveModels> {
  try {
    return ActiveModels.parse(JSON.parse(await readFile(pathIn(directory), 'utf8')))
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return { active: [], default: null }
    throw error
  }
}

export async function writeActive(directory: string, active: ActiveModels): Promise<void> {
  await writeWhole(pathIn(directory), JSON.stringify(ActiveModels.parse(active)))
}

/** What the workers load when they start. */
export function sourcesOf(directory: string, { active }: ActiveModels): ModelSource[] {
  return active.map((id) => ({ id, folder: join(directory, id) }))
}

function pathIn(directory: string): string {
  return join(directory, 'active.json')
}
