/** The server as a process: settings, listening, signals, exit code. */
import { resolve } from 'node:path'
import closeWithGrace from 'close-with-grace'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import { startWorkers, type Worker, WorkerError, type WorkerPool } from '../worker-bridge/index.ts'
import { buildApp } from './app.ts'
import { type Config, ConfigError, loadConfig } from './config.ts'
import { type DatasetStore, openDatasets } from './datasets/index.ts'
import { codeOf } from './error-code.ts'
import { createLog } from './log.ts'
import { ModelRegistry, readActive, sourcesOf } from './models/index.ts'
import { Training } from './training/index.ts'

/** After draining, for ending the worker's processes. */
const CLOSE_MS = 15_000
const FOLDER_FAILURES = new Set([
  'EACCES',
  'EEXIST',
  'ENOENT',
  'ENOSPC',
  'ENOTDIR',
  'EPERM',
  'EROFS',
])

async function main(): Promise<void> {
  const config = loadConfig(process.env)
  const log = createLog(config, process.stderr.isTTY)
  const directory = resolve(config.data_dir, 'models')
  const active = await usingFolder(config, () => readActive(directory))
  const worker = await startWorkers({
    ...config,
    models: sourcesOf(directory, active),
    python: config.worker_python,
    limits: { start_ms: config.load_timeout_ms, engine_ms: config.step_timeout_ms },
    log,
  })
  try {
    const { app, models, datasets } = await usingFolder(config, () => build(config, worker, log))
    closeWithGrace({ delay: config.drain_timeout_ms + CLOSE_MS, logger: log }, async ({ err }) => {
      if (err) log.fatal({ err }, 'the server ends after an error')
      await Promise.all([drain(app, worker, config), datasets.close()])
    })
    const address = await listen(app, config)
    await worker.ready()
    await models.restore()
    announce(address, worker)
  } catch (error) {
    // A signal while the model was being loaded: whoever handles it ends the process.
    if (error instanceof WorkerError && error.code === 'shutting_down') return
    await worker.close()
    throw error
  }
}

interface Server {
  readonly app: FastifyInstance
  readonly models: ModelRegistry
  readonly datasets: DatasetStore
}

async function build(config: Config, worker: WorkerPool, log: FastifyBaseLogger): Promise<Server> {
  const models = await ModelRegistry.open({
    directory: resolve(config.data_dir, 'models'),
    host: worker,
    load_timeout_ms: config.load_timeout_ms,
    log,
  })
  const datasets = await openDatasets(config, log)
  const training = await Training.open({
    settings: { ...config, data_dir: resolve(config.data_dir) },
    workshop: worker,
    datasets,
    models,
    log,
  })
  const app = await buildApp({ config, worker, models, datasets, training, log })
  return { app, models, datasets }
}

/** Does what needs the data folder, and says so where that cannot be used. */
async function usingFolder<Result>(config: Config, use: () => Promise<Result>): Promise<Result> {
  try {
    return await use()
  } catch (error) {
    const code = codeOf(error)
    if (code === undefined || !FOLDER_FAILURES.has(code)) throw error
    const message = `The folder ${config.data_dir} cannot be used (${code}): let PIXELLLM_DATA_DIR name one that can be written.`
    throw new ConfigError(message, { cause: error })
  }
}

/** Listens before the model is loaded: a port that is taken is known at once. */
async function listen(app: FastifyInstance, { host, port }: Config): Promise<string> {
  try {
    return await app.listen({ host, port, listenTextResolver: (address) => `open on ${address}` })
  } catch (error) {
    throw new ConfigError(listenFailure(error, host, port), { cause: error })
  }
}

function listenFailure(error: unknown, host: string, port: number): string {
  switch (codeOf(error)) {
    case 'EADDRINUSE':
      return `Port ${port} of ${host} is taken: set PIXELLLM_PORT to another one (0 takes a free one).`
    case 'EACCES':
      return `Port ${port} of ${host} is not allowed: set PIXELLLM_PORT to one from 1024 on.`
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `This machine has no address ${host}: set PIXELLLM_HOST to one that it has.`
    default:
      return `The server cannot listen on ${host}:${port}: ${String(error)}`
  }
}

function announce(address: string, worker: Worker): void {
  const models = worker.status().models.map(({ id, device }) => `${id} on ${device}`)
  process.stdout.write(
    `PixelLLM Server listens on ${address} with the model ${models.join(', ')}\n`,
  )
}

/** Takes no more requests and lets those that run finish, but not for longer than they may. */
async function drain(app: FastifyInstance, worker: Worker, config: Config): Promise<void> {
  const deadline = setTimeout(() => void cutOff(app, worker), config.drain_timeout_ms)
  await app.close()
  clearTimeout(deadline)
  await worker.close()
}

/** Ends the calls that still run, which answers their requests, and what is open even then. */
async function cutOff(app: FastifyInstance, worker: Worker): Promise<void> {
  await worker.close()
  app.server.closeAllConnections()
}

function explain(error: unknown): string {
  if (error instanceof ConfigError || error instanceof WorkerError) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

try {
  await main()
} catch (error) {
  process.stderr.write(`${explain(error)}\n`)
  process.exit(1)
}
