import { readChunks } from './events.ts'
import { followEvents } from './follow-events.ts'
import { Listing } from './listing.ts'
import type { CallOptions } from './options.ts'
import type {
  CheckpointId,
  TrainingCheckpoint,
  TrainingCheckpointList,
  TrainingEvent,
  TrainingEventList,
  TrainingJob,
  TrainingJobId,
  TrainingJobList,
  TrainingJobRequest,
  TrainingJobStatus,
  TrainingMetrics,
  TrainingMetricsList,
} from './schema.ts'
import type { Transport } from './transport.ts'

/** What is to be trained; what has a default may be left out. */
export type TrainingJobAsked = Pick<TrainingJobRequest, 'recipe' | 'dataset'> &
  Partial<TrainingJobRequest>

export interface CreateJobOptions extends CallOptions {
  /**
   * Names the job before it has an id: a second request with the same key gives the same job.
   *
   * @default a new one, so that what is sent again after a broken connection makes no second job
   */
  readonly idempotencyKey?: string
}

export interface ListJobsOptions extends CallOptions {
  readonly status?: TrainingJobStatus
  /** Entries to ask for at once. @default 20 */
  readonly limit?: number
}

export interface FollowOptions extends CallOptions {
  /** The id of the last event that is known already. @default 0: from the beginning */
  readonly after?: number
}

export interface PastEventsOptions extends FollowOptions {
  /** Entries to ask for at once. @default 100 */
  readonly limit?: number
}

export interface MetricsOptions extends CallOptions {
  /** Entries to ask for at once. @default 100 */
  readonly limit?: number
}

/** What a request for a training job does with it. */
type Change = 'cancel' | 'pause' | 'resume'

const FINAL: readonly TrainingJobStatus[] = ['succeeded', 'failed', 'cancelled']

/** Whether a job has ended. */
export function isFinal({ status }: Pick<TrainingJob, 'status'>): boolean {
  return FINAL.includes(status)
}

/** The training jobs of the server. */
export class TrainingJobs {
  readonly #transport: Transport

  constructor(transport: Transport) {
    this.#transport = transport
  }

  create(asked: TrainingJobAsked, options: CreateJobOptions = {}): Promise<TrainingJob> {
    const body = { hyperparameters: {}, seed: 0, metadata: {}, ...asked }
    const header = { 'idempotency-key': options.idempotencyKey ?? newKey() }
    return this.#transport.json(
      (raw, { signal }) =>
        raw.POST('/v1/training-jobs', { params: { header }, body, signal, parseAs: 'text' }),
      options,
    )
  }

  /** The newest first. */
  list({ status, limit, ...options }: ListJobsOptions = {}): Listing<TrainingJob> {
    return new Listing(async (last) => {
      const page = { ...(limit && { limit }), ...(last && { after: last.id }) }
      const query = { ...page, ...(status && { status }) }
      const { training_jobs, has_more } = await this.#transport.json<TrainingJobList>(
        (raw, { signal }) =>
          raw.GET('/v1/training-jobs', { params: { query }, signal, parseAs: 'text' }),
        options,
      )
      return { entries: training_jobs, has_more }
    })
  }

  read(id: TrainingJobId, options: CallOptions = {}): Promise<TrainingJob> {
    return this.#transport.json(
      (raw, { signal }) =>
        raw.GET('/v1/training-jobs/{id}', { params: { path: { id } }, signal, parseAs: 'text' }),
      options,
    )
  }

  /** A running job ends after its present step. */
  cancel(id: TrainingJobId, options: CallOptions = {}): Promise<TrainingJob> {
    return this.#change(id, 'cancel', options)
  }

  /** A running job saves a checkpoint after its present step, and waits. */
  pause(id: TrainingJobId, options: CallOptions = {}): Promise<TrainingJob> {
    return this.#change(id, 'pause', options)
  }

  resume(id: TrainingJobId, options: CallOptions = {}): Promise<TrainingJob> {
    return this.#change(id, 'resume', options)
  }

  /**
   * What happens to a job, live, until it has ended. A connection that breaks is opened again and
   * goes on behind the last event.
   */
  events(id: TrainingJobId, options: FollowOptions = {}): AsyncGenerator<TrainingEvent, void> {
    return followEvents({
      after: options.after ?? 0,
      options,
      isOver: async () => isFinal(await this.read(id, options)),
      open: (after) =>
        this.#transport.open(
          (raw, { signal }) =>
            raw.GET('/v1/training-jobs/{id}/events', {
              params: { path: { id }, header: { 'last-event-id': `${after}` } },
              headers: { accept: 'text/event-stream' },
              signal,
              parseAs: 'stream',
            }),
          options,
        ),
    })
  }

  /** What has happened to a job so far. */
  pastEvents(
    id: TrainingJobId,
    { after = 0, limit, ...options }: PastEventsOptions = {},
  ): Listing<TrainingEvent> {
    return new Listing(async (last) => {
      const query = { after: last?.id ?? after, ...(limit && { limit }) }
      const { events, has_more } = await this.#transport.json<TrainingEventList>(
        (raw, { signal }) =>
          raw.GET('/v1/training-jobs/{id}/events', {
            params: { path: { id }, query },
            signal,
            parseAs: 'text',
          }),
        options,
      )
      return { entries: events, has_more }
    })
  }

  /** The curves of a job, by step. */
  metrics(id: TrainingJobId, { limit, ...options }: MetricsOptions = {}): Listing<TrainingMetrics> {
    return new Listing(async (last) => {
      const query = { after: last?.step ?? 0, ...(limit && { limit }) }
      const { metrics, has_more } = await this.#transport.json<TrainingMetricsList>(
        (raw, { signal }) =>
          raw.GET('/v1/training-jobs/{id}/metrics', {
            params: { path: { id }, query },
            signal,
            parseAs: 'text',
          }),
        options,
      )
      return { entries: metrics, has_more }
    })
  }

  /** The checkpoints that a job keeps, the newest first. */
  async checkpoints(id: TrainingJobId, options: CallOptions = {}): Promise<TrainingCheckpoint[]> {
    const { checkpoints } = await this.#transport.json<TrainingCheckpointList>(
      (raw, { signal }) =>
        raw.GET('/v1/training-jobs/{id}/checkpoints', {
          params: { path: { id } },
          signal,
          parseAs: 'text',
        }),
      options,
    )
    return checkpoints
  }

  /** The bytes of a checkpoint as they arrive: a tar of safetensors and JSON. */
  async *download(
    id: TrainingJobId,
    checkpoint: CheckpointId,
    options: CallOptions = {},
  ): AsyncGenerator<Uint8Array, void> {
    yield* readChunks(
      await this.#transport.open(
        (raw, { signal }) =>
          raw.GET('/v1/training-jobs/{id}/checkpoints/{checkpoint}', {
            params: { path: { id, checkpoint } },
            signal,
            parseAs: 'stream',
          }),
        options,
      ),
    )
  }

  /** Waits until a job has ended, well or not: its `status` says it. */
  async wait(id: TrainingJobId, options: CallOptions = {}): Promise<TrainingJob> {
    for await (const _ of this.events(id, options));
    return this.read(id, options)
  }

  #change(id: TrainingJobId, change: Change, options: CallOptions): Promise<TrainingJob> {
    return this.#transport.json(
      (raw, { signal }) =>
        raw.POST(`/v1/training-jobs/{id}/${change}`, {
          params: { path: { id } },
          signal,
          parseAs: 'text',
        }),
      options,
      'if_refused',
    )
  }
}

/** Not `crypto.randomUUID`: a browser has it on pages with TLS alone. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('')
}
