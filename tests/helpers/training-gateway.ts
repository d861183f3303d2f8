import type { FastifyInstance } from 'fastify'
import { buildApp } from '../../api/app.ts'
import { loadConfig } from '../../api/config.ts'
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
  const app = await buildApp({ config, worker: new FakeWorker(), training, log: logTo(lines) })
  const close = async (): Promise<void> => {
    await app.close()
    await place.close()
  }
  return { ...place, app, close }
}
