import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { type AppOptions, buildApp } from '../../api/app.ts'
import { type Config, loadConfig } from '../../api/config.ts'
import { type DatasetStore, openDatasets } from '../../api/datasets/index.ts'
import { ModelRegistry } from '../../api/models/index.ts'
import { Training } from '../../api/training/index.ts'
import { FakeModelHost } from './fake-model-host.ts'
import { FakeWorker } from './fake-worker.ts'
import { FakeWorkshop } from './fake-workshop.ts'

/** Nobody listens there. */
const NO_QUEUE = 'redis://127.0.0.1:1'

export interface Gateway {
  readonly app: FastifyInstance
  readonly worker: FakeWorker
  /** Loads models into `worker`. */
  readonly host: FakeModelHost
  readonly datasets: DatasetStore
  readonly models: ModelRegistry
  readonly config: Config
  /** The lines of the log so far. */
  readonly log: Record<string, unknown>[]
  close(): Promise<void>
}

/** A gateway with a fake worker, no queue, and a folder of its own. */
export async function openGateway(
  settings: Record<string, string> = {},
  options: Pick<AppOptions, 'playground'> = {},
): Promise<Gateway> {
  const folder = await mkdtemp(join(tmpdir(), 'pixelllm-gateway-'))
  const config = loadConfig({ PIXELLLM_DATA_DIR: folder, PIXELLLM_PORT: '0', ...settings })
  const worker = new FakeWorker()
  const lines: Record<string, unknown>[] = []
  const write = (line: string): void => void lines.push(JSON.parse(line))
  const log = pino({ level: 'debug' }, { write })
  const host = new FakeModelHost(worker)
  const models = await ModelRegistry.open({
    directory: join(config.data_dir, 'models'),
    host,
    load_timeout_ms: config.load_timeout_ms,
    log,
  })
  const datasets = await openDatasets(config, log)
  const training = await Training.open({
    settings: { ...config, redis_url: NO_QUEUE, training: false },
    workshop: new FakeWorkshop(),
    datasets,
    models,
    log,
  })
  const app = await buildApp({ config, worker, datasets, models, training, log, ...options })
  const close = async (): Promise<void> => {
    await app.close()
    await datasets.close()
    await rm(folder, { recursive: true, force: true })
  }
  return { app, worker, host, datasets, models, config, log: lines, close }
}
