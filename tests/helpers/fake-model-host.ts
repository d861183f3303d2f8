import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ModelHost } from '../../api/models/index.ts'
import type { LoadedModel, ModelId, ModelSource, TrainedModel } from '../../schemas/index.ts'
import type { WorkerStatus } from '../../worker-bridge/index.ts'
import { type FakeWorker, tinyModel } from './fake-worker.ts'

/** Loads models in no time and computes nothing. Set `before` to make it fail or wait. */
export class FakeModelHost implements ModelHost {
  readonly orders: string[] = []
  readonly #worker: FakeWorker
  before: (id: ModelId) => Promise<void> = async () => {}

  constructor(worker: FakeWorker) {
    this.#worker = worker
  }

  status(): WorkerStatus {
    return this.#worker.status()
  }

  async load({ id }: ModelSource): Promise<LoadedModel> {
    this.orders.push(`load ${id}`)
    await this.before(id)
    const model = { ...tinyModel, id, description: 'trained' }
    this.#worker.models = [...this.#worker.models.filter((other) => other.id !== id), model]
    this.orders.push(`loaded ${id}`)
    return model
  }

  async unload(id: ModelId): Promise<void> {
    this.orders.push(`unload ${id}`)
    this.#worker.models = this.#worker.models.filter((model) => model.id !== id)
  }
}

/** Writes a model as a training job leaves it, but for its weights. */
export async function writeTrainedModel(
  dataDir: string,
  facts: Partial<TrainedModel> & { readonly id: ModelId },
): Promise<void> {
  const { device: _, dtype: __, ...tiny } = tinyModel
  const model: TrainedModel = {
    ...tiny,
    base_model: 'tiny',
    base_fingerprint: 'f',
    training_job: `job_${'0'.repeat(26)}`,
    created_at: '2026-01-01T00:00:00Z',
    ...facts,
  }
  const folder = join(dataDir, 'models', model.id)
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'model.json'), JSON.stringify(model))
  await writeFile(join(folder, 'delta.safetensors'), Buffer.alloc(1000))
}
