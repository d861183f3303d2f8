import { constants } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { type TrainingEvent, TrainingEventRecord } from '../../schemas/index.ts'
import { follow, type JobState } from './job-state.ts'
import { NEWLINE, readLines } from './lines.ts'

/** An offset is kept for one line of so many, for pages that begin in the middle. */
const MARK_EVERY = 64
/** Only what is there: a run that was deleted is not begun again. */
const APPEND = constants.O_RDWR | constants.O_APPEND

/**
 * `events.jsonl` of a run. Its lines are read once each, as they come: what they amount to, and which
 * of them are void, is kept. Other processes append to the same file.
 */
export class EventLog {
  readonly #path: string
  /** Where reading goes on: behind the last whole line. */
  #bytes = 0
  #lines = 0
  #state: JobState | undefined
  readonly #void = new Set<number>()
  /** Where the lines 1, 1 + MARK_EVERY, ... begin. */
  readonly #marks: number[] = [0]
  #tail: Promise<unknown> = Promise.resolve()

  constructor(path: string) {
    this.#path = path
  }

  /** Lines that were there at the last look. */
  get count(): number {
    return this.#lines
  }

  /** What the events amount to now. Rejects with ENOENT where the run is gone. */
  read(): Promise<JobState> {
    const reading = this.#tail.then(() => this.#readNew())
    this.#tail = reading.catch(() => {})
    return reading
  }

  /** The events behind number `after`, in order, without those that are void. */
  async page(
    after: number,
    limit: number,
  ): Promise<{ events: TrainingEvent[]; has_more: boolean }> {
    await this.read()
    const first = Math.floor(Math.min(after, this.#lines) / MARK_EVERY)
    const events: TrainingEvent[] = []
    const file = await open(this.#path)
    try {
      let id = first * MARK_EVERY
      for await (const { text } of readLines(file, this.#marks[first] ?? 0, this.#bytes)) {
        id += 1
        const event = id > after && !this.#void.has(id) ? parseEvent(text) : undefined
        if (event === undefined) continue
        if (events.length === limit) return { events, has_more: true }
        events.push({ id, ...event })
      }
    } finally {
      await file.close()
    }
    return { events, has_more: false }
  }

  /** Adds an event, and returns what the events amount to then: it may be void. */
  async append(event: Omit<TrainingEventRecord, 'at'>): Promise<JobState> {
    const file = await open(this.#path, APPEND)
    try {
      const line = Buffer.from(`${JSON.stringify({ at: new Date().toISOString(), ...event })}\n`)
      // Between a look and a write, a kill or a full disk can cut somebody else's line short.
      while (!(await appendLine(file, line)));
      await file.datasync()
    } finally {
      await file.close()
    }
    return this.read()
  }

  async #readNew(): Promise<JobState> {
    const { size } = await stat(this.#path)
    if (size > this.#bytes) await this.#readTo(size)
    if (this.#state === undefined) throw new Error(`${this.#path} has no event to begin with`)
    return this.#state
  }

  async #readTo(size: number): Promise<void> {
    const file = await open(this.#path)
    try {
      for await (const { text, end } of readLines(file, this.#bytes, size)) {
        this.#take(text)
        this.#bytes = end
        if (this.#lines % MARK_EVERY === 0) this.#marks.push(end)
      }
    } finally {
      await file.close()
    }
  }

  #take(text: string): void {
    this.#lines += 1
    const event = parseEvent(text)
    const state = event && follow(this.#state, event)
    if (state === undefined) this.#void.add(this.#lines)
    else this.#state = state
  }
}

/** Appends a line in one write, behind the end of one that was cut short. False where it is no line. */
async function appendLine(file: FileHandle, line: Buffer): Promise<boolean> {
  const { size } = await file.stat()
  const start = Math.max(0, size - 1)
  const whole = size === 0 || (await readBetween(file, start, size))[0] === NEWLINE
  const bytes = whole ? line : Buffer.concat([Buffer.of(NEWLINE), line])
  const { bytesWritten } = await file.write(bytes)
  if (bytesWritten < bytes.length) throw diskFull()

  const written = await readBetween(file, start, (await file.stat()).size)
  const own = size === 0 && written.indexOf(line) === 0
  return own || written.includes(Buffer.concat([Buffer.of(NEWLINE), line]))
}

async function readBetween(file: FileHandle, start: number, end: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(end - start), 0, end - start, start)
  return buffer.subarray(0, bytesRead)
}

function diskFull(): Error {
  return Object.assign(new Error('the events take no more bytes'), { code: 'ENOSPC' })
}

function parseEvent(text: string): TrainingEventRecord | undefined {
  try {
    return TrainingEventRecord.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}
