import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { type AppOptions, buildApp } from '../../api/app.ts'
import { type Config, loadConfig } from '../../api/config.ts'
import { FakeWorker } from './fake-worker.ts'

export interface Gateway {
  readonly app: FastifyInstance
  readonly worker: FakeWorker
  readonly config: Config
  /** The lines of the log so far. */
  readonly log: Record<string, unknown>[]
  close(): Promise<void>
}

/** A gateway with a fake worker and a folder of its own. */
export async function openGateway(
  settings: Record<string, string> = {},
  options: Pick<AppOptions, 'playground'> = {},
): Promise<Gateway> {
  const folder = await mkdtemp(join(tmpdir(), 'pixelllm-gateway-'))
  const config = loadConfig({ PIXELLLM_DATA_DIR: folder, PIXELLLM_PORT: '0', ...settings })
  const worker = new FakeWorker()
  const log: Record<string, unknown>[] = []
  const write = (line: string): void => void log.push(JSON.parse(line))
  const logger = pino({ level: 'debug' }, { write })
  const app = await buildApp({ config, worker, log: logger, ...options })
  const close = async (): Promise<void> => {
    await app.close()
    await rm(folder, { recursive: true, force: true })
  }
  return { app, worker, config, log, close }
}
