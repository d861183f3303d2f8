import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import type { Worker } from '../worker-bridge/index.ts'
import { answerBrokenRequest } from './broken-request.ts'
import type { Config } from './config.ts'
import type { DatasetStore } from './datasets/index.ts'
import { sendProblem } from './errors.ts'
import { ImageStore } from './images.ts'
import { createMetrics } from './metrics/index.ts'
import type { ModelRegistry } from './models/index.ts'
import { registerObservers, requestLog, requestMetrics, requestTrace } from './observers/index.ts'
import { builtPlayground, readPlayground } from './playground.ts'
import { registerReceiveTimeout } from './plugins/receive-timeout.ts'
import { registerShutDown } from './plugins/shut-down.ts'
import { registerUploads } from './plugins/uploads.ts'
import { contractRoutes } from './routes/contract.ts'
import { datasetRoutes } from './routes/datasets.ts'
import { healthRoutes } from './routes/health.ts'
import { imageRoutes } from './routes/images.ts'
import { metricsRoutes } from './routes/metrics.ts'
import { modelRoutes } from './routes/models.ts'
import { playgroundRoutes } from './routes/playground.ts'
import { queueBoard } from './routes/queue-board.ts'
import { referenceRoutes } from './routes/reference.ts'
import { taskRoutes } from './routes/tasks.ts'
import { trainingJobRoutes } from './routes/training-jobs.ts'
import { openTracing } from './tracing/index.ts'
import type { Training } from './training/index.ts'
import { answerUnrouted } from './unrouted.ts'

/** A request, its body included, has to be here within this time, unless its route says otherwise. */
const REQUEST_MS = 60_000
/** Longer than load balancers keep a connection, so that they are the ones who close it. */
const KEEP_ALIVE_MS = 72_000
/** Ids that callers choose: short and harmless in a log. */
const REQUEST_ID = /^[\w.:-]{1,64}$/

export interface AppOptions {
  readonly config: Config
  readonly worker: Worker
  readonly datasets: DatasetStore
  readonly models: ModelRegistry
  readonly training: Training
  readonly log: FastifyBaseLogger
  /** The folder of the built playground. */
  readonly playground?: string
}

/** The HTTP side of the server. Closing it closes `training`, and leaves the rest to whoever made it. */
export async function buildApp(options: AppOptions): Promise<FastifyInstance> {
  const { config, worker, datasets, models, training, log } = options
  const { playground = builtPlayground() } = options
  const images = await ImageStore.open({
    directory: join(config.data_dir, 'images'),
    ttl_s: config.image_ttl_s,
    budget_bytes: config.image_store_bytes,
  })
  const app = Fastify({
    loggerInstance: log,
    logController: new LogController({
      disableRequestLogging: true,
      requestIdLogLabel: 'request_id',
    }),
    genReqId: ({ headers }) => requestId(headers['x-request-id']),
    requestTimeout: Math.max(REQUEST_MS, config.upload_timeout_ms),
    keepAliveTimeout: KEEP_ALIVE_MS,
    return503OnClosing: false,
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: sendProblem,
  })

  app.setErrorHandler(sendProblem)
  app.setNotFoundHandler(answerUnrouted)
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({ 'x-request-id': request.id, 'x-content-type-options': 'nosniff' })
  })
  const metrics = createMetrics(worker, training)
  const tracing = await openTracing(config.traces_url, log)
  const traces = tracing === undefined ? [] : [requestTrace(tracing)]
  registerObservers(app, [requestLog, requestMetrics(metrics), ...traces])
  app.addHook('onClose', async () => tracing?.close())
  registerShutDown(app)
  registerReceiveTimeout(app, { receive_ms: REQUEST_MS, stall_ms: REQUEST_MS })
  await registerUploads(app, config.max_image_bytes)
  app.addHook('onClose', async () => images.close())

  taskRoutes(app, { config, worker, models, images })
  imageRoutes(app, images, config)
  datasetRoutes(app, datasets, config)
  modelRoutes(app, models)
  await mountTraining(app, training, config)
  healthRoutes(app, worker)
  metricsRoutes(app, metrics)
  contractRoutes(app)
  referenceRoutes(app)
  playgroundRoutes(app, await readPlayground(playground))
  return app
}

/** What trains stops as soon as the app begins to close; what is open then may finish meanwhile. */
async function mountTraining(
  app: FastifyInstance,
  training: Training,
  config: Config,
): Promise<void> {
  app.addHook('preClose', async () => void training.close())
  app.addHook('onClose', async () => training.close())
  trainingJobRoutes(app, training)
  if (config.queue_board) await queueBoard(app, training)
}

function requestId(wanted: string | string[] | undefined): string {
  return typeof wanted === 'string' && REQUEST_ID.test(wanted) ? wanted : randomUUID()
}
