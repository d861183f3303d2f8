/** The events of a job as they happen, each once, however often the connection breaks. */
import type { TrainingEvent } from '@pixelllm/sdk'
import { address } from '../server.ts'

/** After a connection that was refused. Where one only broke, the browser itself comes back. */
const AGAIN_MS = 2000
const TYPES = ['status', 'request', 'metrics', 'checkpoint', 'message']

export interface FollowOptions {
  readonly onEvent: (event: TrainingEvent) => void
  readonly onConnection: (isOpen: boolean) => void
  /** Whether more can come: the stream of a job that ended ends, and is not opened again. */
  readonly hasEnded: () => boolean
}

export class Following {
  readonly #id: string
  readonly #options: FollowOptions
  #last = 0
  #source: EventSource | undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(id: string, options: FollowOptions) {
    this.#id = id
    this.#options = options
    this.#open()
  }

  /** May be called twice. */
  close(): void {
    clearTimeout(this.#timer)
    this.#source?.close()
  }

  #open(): void {
    const source = new EventSource(
      `${address}/v1/training-jobs/${this.#id}/events?after=${this.#last}`,
    )
    this.#source = source
    source.addEventListener('open', () => this.#options.onConnection(true))
    source.addEventListener('error', () => this.#broke(source))
    for (const type of TYPES) {
      source.addEventListener(type, ({ data }: MessageEvent<string>) =>
        this.#take(JSON.parse(data)),
      )
    }
  }

  #take(event: TrainingEvent): void {
    if (event.id <= this.#last) return
    this.#last = event.id
    this.#options.onEvent(event)
    if (this.#options.hasEnded()) this.close()
  }

  #broke(source: EventSource): void {
    this.#options.onConnection(false)
    if (this.#options.hasEnded()) this.close()
    else if (source.readyState === EventSource.CLOSED) {
      this.#timer = setTimeout(() => this.#open(), AGAIN_MS)
    }
  }
}
