import { z } from 'zod'
import {
  Acknowledgement,
  CallId,
  type Failure,
  type LoadedModel,
  type ModelId,
  type ModelSource,
  PingAcknowledgement,
  PlanAcknowledgement,
  type Pong,
  StartAcknowledgement,
  type TrainingPlan,
  type TrainOutcome,
  type WorkerCall,
  WorkerEvent,
  type WorkerOrder,
  type WorkerSettings,
} from '../schemas/index.ts'
import { within } from './deadline.ts'
import { WorkerError } from './errors.ts'
import { Flight } from './flight.ts'
import { type HostOptions, HostProcess } from './host-process.ts'
import type { Limits } from './limits.ts'
import { type OrderEvent, Orders, wrongEnd } from './orders.ts'
import type { Job, RunOptions } from './types.ts'

export interface SessionOptions {
  readonly host: HostOptions
  readonly settings: Omit<WorkerSettings, 'host_pid'>
  readonly limits: Limits
  /** Called when the models are loaded. */
  readonly onReady: () => void
}

type ReadyEvent = Extract<WorkerEvent, { type: 'ready' }>
/** Which call or order an event belongs to, where the rest of it is not as agreed. */
const EventOwner = z.object({ id: CallId })

/**
 * One life of Python: start, load, answer calls and follow orders, end. Whatever ends it, its calls
 * and orders end with it.
 */
export class Session {
  /** Resolves with the reason when the processes are gone and every call has landed. */
  readonly ended: Promise<string>
  readonly #host: HostProcess
  readonly #options: SessionOptions
  readonly #flights = new Map<string, Flight>()
  readonly #orders = new Orders()
  readonly #start_timer: NodeJS.Timeout
  #heartbeat: NodeJS.Timeout | undefined
  #unanswered = 0
  #pulse: Pong | undefined
  #pid: number | undefined
  #models: readonly LoadedModel[] = []
  #ready_since: number | undefined
  #over = false

  constructor(options: SessionOptions) {
    const { limits, host } = options
    this.#options = options
    this.#host = new HostProcess(host, (text) => this.#hear(text))
    this.#start_timer = setTimeout(() => {
      this.#host.kill(`the model was not loaded within ${limits.start_ms} ms`)
    }, limits.start_ms)
    this.ended = this.#end()
    void this.#start()
  }

  /** Whether the model is loaded and Python is alive. */
  get ready(): boolean {
    return this.#ready_since !== undefined && !this.#over
  }

  /** Whether Python answered the last heartbeats. */
  get responsive(): boolean {
    return this.#unanswered < 2
  }

  /** For how long the model has been, or was, loaded. */
  get ready_ms(): number {
    return this.#ready_since === undefined ? 0 : performance.now() - this.#ready_since
  }

  /** The models that it has, that of the settings first. */
  get models(): readonly LoadedModel[] {
    return this.#models
  }

  /** Calls that Python has, those that nobody waits for any more included. */
  get load(): number {
    return this.#flights.size
  }

  /** Whether it works on a training job. */
  get trains(): boolean {
    return this.#orders.trains
  }

  /** What Python said at the last heartbeat. */
  get pulse(): Pong | undefined {
    return this.#pulse
  }

  get pids(): { host: number | undefined; python: number | undefined } {
    return { host: this.#host.pid, python: this.#pid }
  }

  /** Gives Python a call; its id must be new to this session. */
  submit(call: WorkerCall, { signal, onWords }: RunOptions): Flight {
    const flight = new Flight(signal, onWords, () => void this.#cancel(call.id))
    this.#flights.set(call.id, flight)
    void flight.landed.then(() => this.#flights.delete(call.id))
    if (this.#over) flight.fail(crashed())
    else void this.#submit(call, flight)
    return flight
  }

  /** Loads a trained model; aborted, it is dropped. */
  async loadModel(model: ModelSource, signal: AbortSignal): Promise<LoadedModel> {
    const id = this.#orders.nextId()
    const event = await this.#order({ kind: 'load', id, model }, signal, () => this.#cancel(id))
    if (event.type !== 'loaded') throw wrongEnd(event)
    return event.model
  }

  /** Lets go of a trained model; aborted, Python still does as soon as it can. */
  async unloadModel(model: ModelId, signal: AbortSignal): Promise<void> {
    const event = await this.#order({ kind: 'unload', id: this.#orders.nextId(), model }, signal)
    if (event.type !== 'unloaded') throw wrongEnd(event)
  }

  /** Works on a job; aborted, it stops after the present piece, which is waited for. */
  async train(job: Job, signal: AbortSignal): Promise<TrainOutcome> {
    if (signal.aborted) return 'stopped'
    const id = this.#orders.nextId()
    const stopped = new AbortController()
    let timer: NodeJS.Timeout | undefined
    const stop = (): void => {
      void this.#cancel(id)
      timer = setTimeout(() => stopped.abort(tooSlow()), this.#options.limits.engine_ms)
    }
    signal.addEventListener('abort', stop)
    try {
      const event = await this.#order({ kind: 'train', id, ...job }, stopped.signal)
      if (event.type !== 'trained') throw wrongEnd(event)
      return event.outcome
    } finally {
      signal.removeEventListener('abort', stop)
      clearTimeout(timer)
    }
  }

  /** Whether a recipe can be followed, and in how many steps. */
  async check(plan: TrainingPlan, signal: AbortSignal): Promise<number> {
    const asked = this.#ask('check', JSON.stringify(plan), PlanAcknowledgement)
    const reply = await within(asked, signal)
    if (reply === undefined) throw crashed()
    if (!reply.ok) throw errorOf(reply.error)
    return reply.steps
  }

  /** Asks Python to end, and kills it when it does not within `close_ms`. */
  async close(): Promise<void> {
    const { close_ms } = this.#options.limits
    const timer = setTimeout(() => this.#host.kill('Python did not end when asked'), close_ms)
    void this.#ask('shutdown', '', Acknowledgement)
    await this.ended
    clearTimeout(timer)
  }

  async #start(): Promise<void> {
    const settings = { ...this.#options.settings, host_pid: this.#host.pid }
    const reply = await this.#ask('start', JSON.stringify(settings), StartAcknowledgement)
    if (reply === undefined) return
    if (reply.ok) this.#pid = reply.pid
    else this.#host.kill(reply.error.message)
  }

  async #submit(call: WorkerCall, flight: Flight): Promise<void> {
    const reply = await this.#ask('submit', JSON.stringify(call), Acknowledgement)
    if (reply === undefined || reply.ok) return
    flight.fail(errorOf(reply.error))
  }

  /** Gives Python an order and waits for its end, or for the signal; `drop` is called then. */
  async #order(order: WorkerOrder, signal: AbortSignal, drop = noop): Promise<OrderEvent> {
    signal.throwIfAborted()
    if (this.#over) throw crashed()
    const ended = this.#orders.add(order)
    void this.#give(order)
    try {
      return await within(ended, signal)
    } catch (error) {
      if (signal.aborted) void drop()
      throw error
    }
  }

  async #give(order: WorkerOrder): Promise<void> {
    const reply = await this.#ask('order', JSON.stringify(order), Acknowledgement)
    if (reply === undefined || reply.ok) return
    this.#orders.fail(order.id, errorOf(reply.error))
  }

  async #cancel(id: string): Promise<void> {
    await this.#ask('cancel', id, Acknowledgement)
  }

  /** Calls Python. Undefined when the process ends instead, which `ended` tells. */
  async #ask<S extends z.ZodType>(
    method: Parameters<HostProcess['request']>[0],
    argument: string,
    schema: S,
  ): Promise<z.infer<S> | undefined> {
    const text = await this.#host.request(method, argument).catch(() => undefined)
    if (text === undefined) return undefined

    const { data, error } = schema.safeParse(parseJson(text))
    if (error !== undefined) this.#host.kill(`Python answered ${method} wrongly: ${error.message}`)
    return data
  }

  #hear(text: string): void {
    const json = parseJson(text)
    const { data: event, error } = WorkerEvent.safeParse(json)
    if (event === undefined) this.#refuse(json, error)
    else this.#take(event)
  }

  #take(event: WorkerEvent): void {
    switch (event.type) {
      case 'ready':
        this.#becomeReady(event)
        break
      case 'failed':
        this.#host.kill(event.error.message)
        break
      case 'words':
        for (const [id, words] of event.words) this.#flights.get(id)?.words(words)
        break
      case 'done':
        this.#flights.get(event.id)?.done({ result: event.result, timing: event.timing })
        break
      case 'error':
        this.#flights.get(event.id)?.fail(errorOf(event.error))
        this.#orders.fail(event.id, errorOf(event.error))
        break
      case 'loaded':
      case 'unloaded':
      case 'trained':
        this.#models = this.#orders.end(event, this.#models)
        break
    }
  }

  /** An event that is not as agreed fails its call or its order alone; before `ready` there is none to fail. */
  #refuse(json: unknown, cause: z.ZodError): void {
    this.#options.host.log.error(`Python pushed a wrong event: ${cause.message}`)
    if (!this.ready) this.#host.kill('Python and the gateway do not agree on their messages')

    const { data: owner } = EventOwner.safeParse(json)
    if (owner === undefined) return
    const error = new WorkerError('internal', 'the worker gave a wrong answer', { cause })
    this.#flights.get(owner.id)?.fail(error)
    this.#orders.fail(owner.id, error)
  }

  #becomeReady({ pid, models }: ReadyEvent): void {
    clearTimeout(this.#start_timer)
    this.#pid = pid
    this.#models = models
    this.#ready_since = performance.now()
    this.#heartbeat = setInterval(() => void this.#beat(), this.#options.limits.heartbeat_ms)
    this.#options.onReady()
  }

  /** Counts in beats, not in time: a gateway that was itself stopped must not blame Python. */
  async #beat(): Promise<void> {
    const { heartbeat_ms, heartbeats } = this.#options.limits
    this.#unanswered += 1
    if (this.#unanswered > heartbeats) {
      this.#host.kill(`Python has not answered for ${heartbeats * heartbeat_ms} ms`)
    }
    if (this.#unanswered > 1) return

    const pong = await this.#ask('ping', '', PingAcknowledgement)
    if (pong === undefined) return
    this.#unanswered = 0
    if (pong.ok) this.#checkEngine(pong)
    else this.#host.kill(pong.error.message)
  }

  #checkEngine(pong: Pong): void {
    this.#pulse = pong
    if (pong.engine_age_ms <= this.#options.limits.engine_ms) return
    this.#host.kill(`the engine has been in one step for ${Math.round(pong.engine_age_ms)} ms`)
  }

  async #end(): Promise<string> {
    const reason = await this.#host.exited
    this.#over = true
    clearTimeout(this.#start_timer)
    clearInterval(this.#heartbeat)

    for (const flight of this.#flights.values()) flight.fail(crashed())
    this.#orders.failAll(crashed())
    return reason
  }
}

async function noop(): Promise<void> {}

function crashed(): WorkerError {
  return new WorkerError('worker_crashed', 'the worker stopped meanwhile')
}

function tooSlow(): WorkerError {
  return new WorkerError('deadline_exceeded', 'the training did not stop when asked')
}

function errorOf({ code, message }: Failure): WorkerError {
  return new WorkerError(code, message)
}

/** Undefined where the text is not JSON, which no schema of the wire accepts. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
