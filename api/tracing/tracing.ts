/**
 * Traces in the form of OpenTelemetry, sent over OTLP/HTTP. Imported only where they are on.
 *
 * The worker needs no SDK of its own: its answer says how long each stage took, and the gateway makes
 * the spans of that. Stages of a task that encodes and decodes in turns are sums, laid end to end.
 */
import {
  type Context,
  DiagLogLevel,
  diag,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources'
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { type ErrorCode, type Timing, VERSION } from '../../schemas/index.ts'
import type { Log } from '../../worker-bridge/index.ts'

/** A collector that does not answer holds up the end of the server for no longer. */
const EXPORT_MS = 5000

export interface RequestFacts {
  readonly id: string
  readonly method: string
  /** The route with its parameters in braces. */
  readonly route: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

export class Tracing {
  readonly #provider: BasicTracerProvider
  readonly #propagator = new W3CTraceContextPropagator()

  /** Sends to `url`, and tells `log` what went wrong with that. */
  constructor(url: string, log: Log) {
    const warn = (message: string): void => log.warn(`traces: ${message}`)
    diag.setLogger(
      { error: warn, warn, info: () => {}, debug: () => {}, verbose: () => {} },
      { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
    )
    const exporter = new OTLPTraceExporter({ url, timeoutMillis: EXPORT_MS })
    this.#provider = new BasicTracerProvider({
      resource: defaultResource()
        .merge(
          resourceFromAttributes({ 'service.name': 'pixelllm-server', 'service.version': VERSION }),
        )
        .merge(detectResources({ detectors: [envDetector] })),
      spanProcessors: [new BatchSpanProcessor(exporter, { exportTimeoutMillis: EXPORT_MS })],
    })
  }

  /** Begins the trace of a request, or goes on with the one that its `traceparent` names. */
  begin({ id, method, route, headers }: RequestFacts): RequestTrace {
    const caller = this.#propagator.extract(ROOT_CONTEXT, headers, headerGetter)
    const tracer = this.#provider.getTracer('pixelllm-server', VERSION)
    const attributes = {
      'http.request.method': method,
      'http.route': route,
      'pixelllm.request_id': id,
    }
    const span = tracer.startSpan(
      `${method} ${route}`,
      { kind: SpanKind.SERVER, attributes },
      caller,
    )
    return new RequestTrace(span, trace.setSpan(caller, span), (name, start, parent) =>
      tracer.startSpan(name, { startTime: start }, parent),
    )
  }

  /** Sends what is left. */
  async close(): Promise<void> {
    await this.#provider.shutdown().catch((error: unknown) => {
      diag.warn(`the last ones are lost: ${String(error)}`)
    })
  }
}

const headerGetter = {
  keys: (headers: RequestFacts['headers']): string[] => Object.keys(headers),
  get: (headers: RequestFacts['headers'], name: string): string | string[] | undefined =>
    headers[name],
}

type StartSpan = (name: string, start_ms: number, parent: Context) => Span

/** The trace of one request, from the gateway's side. */
export class RequestTrace {
  readonly #span: Span
  readonly #context: Context
  readonly #start: StartSpan

  constructor(span: Span, spanContext: Context, start: StartSpan) {
    this.#span = span
    this.#context = spanContext
    this.#start = start
  }

  get id(): string {
    return this.#span.spanContext().traceId
  }

  /** The question goes over the bridge. */
  ask(task: string, model: string): BridgeTrace {
    const start_ms = Date.now()
    const span = this.#start('bridge', start_ms, this.#context)
    span.setAttributes({ 'pixelllm.task': task, 'pixelllm.model': model })
    return new BridgeTrace(span, trace.setSpan(this.#context, span), this.#start, start_ms)
  }

  end(status: number, code: ErrorCode | undefined): void {
    this.#span.setAttribute('http.response.status_code', status)
    if (code !== undefined) this.#span.setAttribute('error.type', code)
    if (status >= 500) this.#span.setStatus({ code: SpanStatusCode.ERROR })
    this.#span.end()
  }
}

/** A question on its way through the bridge and the worker. */
export class BridgeTrace {
  readonly #span: Span
  readonly #context: Context
  readonly #startSpan: StartSpan
  readonly #start_ms: number

  constructor(span: Span, spanContext: Context, start: StartSpan, start_ms: number) {
    this.#span = span
    this.#context = spanContext
    this.#startSpan = start
    this.#start_ms = start_ms
  }

  /** The worker answered: its time is what came last of that of the bridge. */
  answered({ queue_ms, prepare_ms, encode_ms, decode_ms, steps }: Timing): void {
    const end_ms = Date.now()
    const stages = { queue: queue_ms, prepare: prepare_ms, encode: encode_ms, decode: decode_ms }
    const spent_ms = queue_ms + prepare_ms + encode_ms + decode_ms
    const start_ms = Math.max(this.#start_ms, end_ms - spent_ms)
    const worker = this.#startSpan('worker', start_ms, this.#context)
    worker.setAttribute('pixelllm.decode_steps', steps)
    const inWorker = trace.setSpan(this.#context, worker)
    let at_ms = start_ms
    for (const [name, ms] of Object.entries(stages)) {
      const stage = this.#startSpan(name, at_ms, inWorker)
      at_ms = Math.min(at_ms + ms, end_ms)
      stage.end(at_ms)
    }
    worker.end(end_ms)
    this.#span.end(end_ms)
  }

  failed(code: ErrorCode): void {
    this.#span.setAttribute('error.type', code)
    this.#span.setStatus({ code: SpanStatusCode.ERROR })
    this.#span.end()
  }
}
