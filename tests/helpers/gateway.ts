import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { buildApp } from '../../api/app.ts'
import { type Config, loadConfig } from '../../api/config.ts'
import { type DatasetStore, openDatasets } from '../../api/datasets/index.ts'
import { ModelRegistry } from '../../api/models/index.ts'
import { FakeModelHost } from './fake-model-host.ts'
import { FakeWorker } from './fake-worker.ts'

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

/** A gateway with a fake worker and a folder of its own. */
export async function openGateway(settings: Record<string, string> = {}): Promise<Gateway> {
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
  const app = await buildApp({ config, worker, datasets, models, log })
  const close = async (): Promise<void> => {
    await app.close()
    await datasets.close()
    await rm(folder, { recursive: true, force: true })
  }
  return { app, worker, host, datasets, models, config, log: lines, close }
}
