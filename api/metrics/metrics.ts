/**
 * What the server counts and measures, in the text form of Prometheus.
 *
 * Labels take few values: routes, tasks, steps and codes of the contract, never anything that a
 * caller chose.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { ErrorCode, Timing } from '../../schemas/index.ts'

/** In seconds: from a cached answer of a small model to the longest wait that is common. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** Something that is looked at whenever the metrics are read, rather than told of each event. */
export interface MetricSource {
  /** Brings its metrics up to date. */
  update(): void
}

/** A request when its connection is done with it. */
export interface ServedRequest {
  readonly method: string
  readonly route: string
  readonly status: number
  readonly seconds: number
  readonly code: ErrorCode | undefined
}

/** A task that was answered. */
export interface ServedTask {
  readonly task: string
  readonly timing: Timing
  /** From the worker's answer to the end of the reply: checking, drawing, writing, sending. */
  readonly output_ms: number
}

export class Metrics {
  readonly registry = new Registry()
  readonly #sources: MetricSource[] = []
  readonly #requests = this.#counter(
    'pixelllm_http_requests_total',
    'Requests that were answered, or whose caller hung up (499)',
    ['method', 'route', 'status'],
  )
  readonly #seconds = this.#histogram(
    'pixelllm_http_request_seconds',
    'From the head of a request to the end of its reply',
    ['method', 'route'],
  )
  readonly #inFlight = new Gauge({
    name: 'pixelllm_http_requests_in_flight',
    help: 'Requests that are not answered yet',
    registers: [this.registry],
  })
  readonly #problems = this.#counter(
    'pixelllm_problems_total',
    'Requests that failed, by the code of the problem',
    ['code'],
  )
  readonly #stages = this.#histogram(
    'pixelllm_request_stage_seconds',
    'Where the time of an answered task went: queue, input (decoding the image), infer (the model), output (writing the reply)',
    ['task', 'stage'],
  )
  readonly #infer = this.#histogram(
    'pixelllm_infer_seconds',
    'The stage infer in its parts: encode (the image) and decode (everything after it), waits for the batch included',
    ['task', 'part'],
  )

  /** Adds metrics that are looked at when they are read. */
  add(source: MetricSource): void {
    this.#sources.push(source)
  }

  begin(): void {
    this.#inFlight.inc()
  }

  served({ method, route, status, seconds, code }: ServedRequest): void {
    this.#inFlight.dec()
    this.#requests.inc({ method, route, status })
    this.#seconds.observe({ method, route }, seconds)
    if (code !== undefined) this.#problems.inc({ code })
  }

  answered({ task, timing, output_ms }: ServedTask): void {
    const { queue_ms, prepare_ms, encode_ms, decode_ms } = timing
    this.#stages.observe({ task, stage: 'queue' }, queue_ms / 1000)
    this.#stages.observe({ task, stage: 'input' }, prepare_ms / 1000)
    this.#stages.observe({ task, stage: 'infer' }, (encode_ms + decode_ms) / 1000)
    this.#stages.observe({ task, stage: 'output' }, output_ms / 1000)
    this.#infer.observe({ task, part: 'encode' }, encode_ms / 1000)
    this.#infer.observe({ task, part: 'decode' }, decode_ms / 1000)
  }

  /** Everything, as Prometheus reads it. */
  async text(): Promise<string> {
    for (const source of this.#sources) source.update()
    return this.registry.metrics()
  }

  #counter<Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> {
    return new Counter({ name, help, labelNames, registers: [this.registry] })
  }

  #histogram<Label extends string>(
    name: string,
    help: string,
    labelNames: Label[],
  ): Histogram<Label> {
    return new Histogram({ name, help, labelNames, buckets: SECONDS, registers: [this.registry] })
  }
}
