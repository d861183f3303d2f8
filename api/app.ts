import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import type { Worker } from '../worker-bridge/index.ts'
import { answerBrokenRequest } from './broken-request.ts'
import type { Config } from './config.ts'
import { sendProblem } from './errors.ts'
import { ImageStore } from './images.ts'
import { createMetrics } from './metrics/index.ts'
import { registerObservers, requestLog, requestMetrics, requestTrace } from './observers/index.ts'
import { registerShutDown } from './plugins/shut-down.ts'
import { registerUploads } from './plugins/uploads.ts'
import { contractRoutes } from './routes/contract.ts'
import { healthRoutes } from './routes/health.ts'
import { imageRoutes } from './routes/images.ts'
import { metricsRoutes } from './routes/metrics.ts'
import { modelRoutes } from './routes/models.ts'
import { referenceRoutes } from './routes/reference.ts'
import { taskRoutes } from './routes/tasks.ts'
import { openTracing } from './tracing/index.ts'
import { answerUnrouted } from './unrouted.ts'

/** A request, its body included, has to be here within this time. */
const REQUEST_MS = 60_000
/** Longer than load balancers keep a connection, so that they are the ones who close it. */
const KEEP_ALIVE_MS = 72_000
/** Ids that callers choose: short and harmless in a log. */
const REQUEST_ID = /^[\w.:-]{1,64}$/

export interface AppOptions {
  readonly config: Config
  readonly worker: Worker
  readonly log: FastifyBaseLogger
}

/** The HTTP side of the server. Closing it leaves the worker to whoever made it. */
export async function buildApp({ config, worker, log }: AppOptions): Promise<FastifyInstance> {
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
    requestTimeout: REQUEST_MS,
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
  const metrics = createMetrics(worker)
  const tracing = await openTracing(config.traces_url, log)
  const traces = tracing === undefined ? [] : [requestTrace(tracing)]
  registerObservers(app, [requestLog, requestMetrics(metrics), ...traces])
  app.addHook('onClose', async () => tracing?.close())
  registerShutDown(app)
  await registerUploads(app, config.max_image_bytes)
  app.addHook('onClose', async () => images.close())

  taskRoutes(app, { config, worker, images })
  imageRoutes(app, images, config)
  modelRoutes(app, worker)
  healthRoutes(app, worker)
  metricsRoutes(app, metrics)
  contractRoutes(app)
  referenceRoutes(app)
  return app
}

function requestId(wanted: string | string[] | undefined): string {
  return typeof wanted === 'string' && REQUEST_ID.test(wanted) ? wanted : randomUUID()
}
