import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { buildApp } from '../../api/app.ts'
import { loadConfig } from '../../api/config.ts'
import { openDatasets } from '../../api/datasets/index.ts'
import { ModelRegistry } from '../../api/models/index.ts'
import { FakeModelHost } from './fake-model-host.ts'
import { FakeWorker } from './fake-worker.ts'
import { logTo, openTraining, type PlaceOptions, type TrainingPlace } from './training.ts'

export interface TrainingGateway extends TrainingPlace {
  readonly app: FastifyInstance
}

/** A gateway that trains, with the real Valkey and a workshop that plays Python's part. */
export async function openTrainingGateway(options: PlaceOptions = {}): Promise<TrainingGateway> {
  const place = await openTraining(options)
  const config = loadConfig({ PIXELLLM_DATA_DIR: place.folder, ...options.settings })
  const { training, lines } = place
  const worker = new FakeWorker()
  const log = logTo(lines)
  const models = await ModelRegistry.open({
    directory: join(place.folder, 'models'),
    host: new FakeModelHost(worker),
    load_timeout_ms: config.load_timeout_ms,
    log,
  })
  const datasets = await openDatasets(config, log)
  const app = await buildApp({ config, worker, datasets, models, training, log })
  const close = async (): Promise<void> => {
    await app.close()
    await datasets.close()
    await place.close()
  }
  return { ...place, app, close }
}
