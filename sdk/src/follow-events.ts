import { readEvents } from './events.ts'
import { ConnectionError, TimeoutError } from './failures.ts'
import type { CallOptions } from './options.ts'
import { sleep } from './retry.ts'
import type { TrainingEvent } from './schema.ts'
import type { OpenReply } from './transport.ts'

interface Followed {
  /** The id of the last event that is known. */
  readonly after: number
  readonly options: CallOptions
  /** Opens the stream of what is behind an event. */
  open(after: number): Promise<OpenReply>
  /** Whether the job has ended. */
  isOver(): Promise<boolean>
}

/** Before a stream that the server has closed, or that broke, is opened again. */
const PAUSE_MS = 500

/** The events of a job until it has ended, over as many connections as it takes. */
export async function* followEvents({
  after,
  options,
  open,
  isOver,
}: Followed): AsyncGenerator<TrainingEvent, void> {
  let known = after
  for (let over = false; ; ) {
    const reply = await open(known)
    try {
      for await (const { data } of readEvents(reply)) {
        const event: TrainingEvent = JSON.parse(data)
        // A server may begin with what it is not sure of having sent.
        if (event.id <= known) continue
        known = event.id
        yield event
      }
      if (over) return
    } catch (error) {
      if (!isBroken(error)) throw error
    }
    // A stream also ends where a server shuts down. Only one that was opened after the job had ended
    // is sure to have had every event.
    over = await isOver()
    if (!over) await sleep(PAUSE_MS, options.signal)
  }
}

function isBroken(error: unknown): boolean {
  return error instanceof ConnectionError || error instanceof TimeoutError
}
