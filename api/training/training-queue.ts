/** The only file that knows Bull, and how it keeps its jobs. */
import Bull, { type Queue } from 'bull'
import type { FastifyBaseLogger } from 'fastify'
import type { Redis } from 'ioredis'
import { TrainingJobId } from '../../schemas/index.ts'
import { ApiError } from '../errors.ts'
import type { TrainingLimits } from './limits.ts'
import { type QueueAddress, QueueClients } from './queue-clients.ts'

const NAME = 'training'
/** Bull gives up on a job that has lost its gateway so often; the run directory knows better. */
const MAX_STALLED = 1_000_000
/** Before Bull goes on after an answer of the server that it did not expect. */
const RETRY_MS = 1000
/** How long Bull waits for a job in one go; closing has to wait for it where the server hangs. */
const DRAIN_S = 5

/** Takes the lock of a gateway from a job, which the next look for stalled jobs then finds. */
const RELEASE = `
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('DEL', KEYS[1])
  redis.call('SADD', KEYS[2], ARGV[2])
end
return 0`

export interface TrainingQueueOptions {
  readonly address: QueueAddress
  /** Tells the queue of this data folder from others on the same server. */
  readonly name: string
  /** Tells this gateway from others. */
  readonly token: string
  readonly limits: TrainingLimits
  readonly log: FastifyBaseLogger
}

/** What the queue holds: jobs that wait, and jobs that somebody has, with the token of who. */
export interface QueueContents {
  readonly waiting: ReadonlySet<string>
  readonly active: ReadonlyMap<string, string | null>
}

/**
 * The order in which jobs get a gateway, and which gateway has which. It carries ids alone: what a
 * job is and how far it is stands in its run directory, from which the queue can be filled again.
 */
export class TrainingQueue {
  readonly #options: TrainingQueueOptions
  readonly #clients: QueueClients
  readonly #producer: Queue<object>
  readonly #client: Redis
  #consumer: Queue<object> | undefined
  #closed: Promise<void> | undefined

  constructor(options: TrainingQueueOptions) {
    this.#options = options
    const { address, limits, log } = options
    this.#clients = new QueueClients({ address, queue_ms: limits.queue_ms, log })
    this.#client = this.#clients.impatient()
    this.#producer = this.#open(() => this.#client)
  }

  /** What Bull's board shows. */
  get bull(): Queue<object> {
    return this.#producer
  }

  /** Whether the server was there at the last look. */
  get isReady(): boolean {
    return this.#client.status === 'ready'
  }

  /** Throws `queue_unavailable` where the server is away, or does not answer or write. */
  async require(): Promise<void> {
    try {
      if (!this.isReady) throw new Error(`the connection is ${this.#client.status}`)
      await this.#client.ping()
    } catch (error) {
      const message =
        'the job queue is away, so training jobs cannot be changed; reading them works'
      throw new ApiError('queue_unavailable', message, { cause: error })
    }
  }

  /** Puts a job in line, or, with `first`, in front of it. One that is there stays where it is. */
  async add(id: TrainingJobId, { first = false } = {}): Promise<void> {
    await this.#producer.add({}, { jobId: id, lifo: first })
  }

  async contents(): Promise<QueueContents> {
    const key = (name: string): string => this.#producer.toKey(name)
    const lists = await this.#client
      .multi()
      .lrange(key('wait'), 0, -1)
      .lrange(key('paused'), 0, -1)
      .lrange(key('active'), 0, -1)
      .exec()
    const [wait = [], paused = [], active = []] = (lists ?? []).map(([, ids]) => idsOf(ids))
    const locks = active.map((id) => key(`${id}:lock`))
    const tokens = locks.length === 0 ? [] : await this.#client.mget(locks)
    return {
      waiting: new Set([...wait, ...paused]),
      active: new Map(active.map((id, i) => [id, tokens[i] ?? null])),
    }
  }

  /** Gives a job back that is held by a gateway which is gone. */
  async release(id: string, token: string): Promise<void> {
    const key = (name: string): string => this.#producer.toKey(name)
    await this.#client.eval(RELEASE, 2, key(`${id}:lock`), key('stalled'), token, id)
  }

  /**
   * Takes jobs, one at a time, and calls `done` when the queue has let go of one. What could not be
   * carried out at all is put in line later, by whoever compares the runs with the queue.
   */
  work(carryOut: (id: TrainingJobId) => Promise<void>, done: (id: TrainingJobId) => void): void {
    const consumer = this.#open(() => this.#clients.patient())
    this.#consumer = consumer
    consumer.on('completed', ({ id }) => done(TrainingJobId.parse(id)))
    consumer.on('failed', ({ id }, error) => {
      this.#options.log.error({ err: error }, `the job ${id} was interrupted`)
    })
    // Rejects when it is closed before the server was ever there.
    consumer.process(1, ({ id }) => carryOut(TrainingJobId.parse(id))).catch(() => {})
  }

  /** Takes no further job, and resolves when the queue has let go of the one that is carried out. */
  async rest(): Promise<void> {
    if (this.#consumer !== undefined) await this.#bounded(this.#consumer.close())
  }

  /** Closes every connection. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    await this.rest()
    await this.#bounded(this.#producer.close())
    this.#clients.close()
  }

  /** Waits for Bull, which itself would wait for a server that is away. */
  async #bounded(closing: Promise<void>): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, this.#options.limits.close_ms)
      if (!this.isReady) resolve(undefined)
    })
    await Promise.race([closing.catch(() => {}), late])
    clearTimeout(timer)
  }

  /** `client` is for its commands; the others wait for jobs and hear of them. */
  #open(client: () => Redis): Queue<object> {
    const { name, token, limits } = this.#options
    const queue = new Bull<object>(NAME, {
      prefix: `{pixelllm:${name}}`,
      createClient: (type) => (type === 'client' ? client() : this.#clients.patient()),
      settings: {
        lockDuration: limits.lock_ms,
        lockRenewTime: limits.lock_renew_ms,
        stalledInterval: limits.stalled_ms,
        maxStalledCount: MAX_STALLED,
        retryProcessDelay: RETRY_MS,
        drainDelay: DRAIN_S,
      },
      defaultJobOptions: { attempts: 1, removeOnComplete: true, removeOnFail: true },
    })
    Reflect.set(queue, 'token', token)
    // It gives connections a name, and nobody hears when a connection that closes takes none.
    Reflect.set(queue, 'setWorkerName', async () => {})
    queue.on('error', (error) => this.#hear(error))
    return queue
  }

  /** An outage is said by the clients; what else Bull complains of is worth a line. */
  #hear(error: Error): void {
    if (this.isReady && this.#closed === undefined)
      this.#options.log.warn({ err: error }, 'job queue')
  }
}

function idsOf(list: unknown): string[] {
  return Array.isArray(list) ? list.map(String) : []
}
