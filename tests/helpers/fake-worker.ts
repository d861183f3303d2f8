import type { GroundedPhrase, LoadedModel, Mask, Word } from '../../schemas/index.ts'
import {
  type Answer,
  type Call,
  type PoolDetails,
  type RunOptions,
  type Worker,
  WorkerError,
  type WorkerStatus,
} from '../../worker-bridge/index.ts'

const timing = { queue_ms: 1, prepare_ms: 2, encode_ms: 3, decode_ms: 4, steps: 5 }

export const tinyModel: LoadedModel = {
  id: 'tiny',
  description: 'a fake that knows one caption',
  tasks: ['caption', 'describe', 'locate', 'segment', 'dense_caption'],
  frame_size: 96,
  max_tokens: 32,
  parameters: 1,
  device: 'cpu',
  dtype: 'float32',
}

export const words: Word[] = [
  { text: 'a', start: 0, end: 1, point: [4, 4], box: [2, 2, 6, 6], score: 0.5 },
  { text: 'circle', start: 2, end: 8, point: [12, 8], box: [8, 4, 16, 12], score: 0.75 },
]

/** Of a picture of 40 x 30 pixels, those in the box [8, 4, 16, 12]. */
export const mask: Mask = { size: [30, 40], counts: 'd78f00000000000000\\f0' }
/** No pixel of such a picture. */
export const emptyMask: Mask = { size: [30, 40], counts: '`U1' }

export const phrase: GroundedPhrase = {
  text: 'a circle',
  start: 0,
  end: 8,
  box: [2, 2, 16, 12],
  score: 0.61,
}

const region = { box: [8, 4, 16, 12], caption: 'a circle', score: 0.9 }

const outputs: Record<string, (request: Call['request']) => unknown> = {
  caption: write,
  describe: write,
  locate: () => ({ phrase: 'the circle', box: [8, 4, 16, 12], score: 0.9 }),
  segment: () => ({
    phrase: 'the circle',
    box: [8, 4, 16, 12],
    mask,
    score: 0.9,
    mask_score: 0.8,
  }),
  dense_caption: (asked) => ({
    regions: [
      { ...region, ...(asked.words === true && { words }), ...(asked.masks === true && { mask }) },
    ],
  }),
}

function write({ ground }: Call['request']): unknown {
  const phrases = ground === 'mask' ? [{ ...phrase, mask }] : [phrase]
  return { caption: 'a circle', words, score: 0.6, ...(ground !== undefined && { phrases }) }
}

/** Stands in for Python where a test is about the gateway alone. Set `respond` for another answer. */
export class FakeWorker implements Worker {
  readonly calls: Call[] = []
  state: WorkerStatus['state'] = 'ready'
  models: LoadedModel[] = [tinyModel]
  faults: ReadonlyMap<string, string> = new Map()
  details: PoolDetails['workers'][number] = {
    state: 'ready',
    host_pid: 1,
    python_pid: 2,
    load: 0,
    models: ['tiny'],
    trains: false,
    starts: 1,
    work: undefined,
  }
  respond: (call: Call, options: RunOptions) => Promise<unknown> = async (
    { task, request },
    { onWords },
  ) => {
    for (const word of words) onWords?.([word])
    return outputs[task]?.(request)
  }

  async ready(): Promise<void> {}

  async run(call: Call, options: RunOptions): Promise<Answer> {
    this.calls.push(call)
    return { result: await this.respond(call, options), timing }
  }

  status(): WorkerStatus {
    const { state, models, faults } = this
    return { state, models, faults, queued: 0, active: 0 }
  }

  inspect(): PoolDetails {
    return {
      slab: { path: '/slab', bytes: 100, spill_path: '/spill', free_bytes: 75 },
      workers: [this.details],
    }
  }

  async close(): Promise<void> {
    this.state = 'closed'
  }
}

/** A `respond` that answers nothing until the caller hangs up, and what happens to it. */
export function waitForAbort(): {
  readonly respond: FakeWorker['respond']
  readonly started: Promise<void>
  readonly aborted: Promise<void>
} {
  const started = new Latch()
  const aborted = new Latch()
  const respond = (_: Call, { signal }: RunOptions): Promise<never> => {
    started.open()
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        aborted.open()
        reject(new WorkerError('cancelled', 'nobody waits for the answer'))
      })
    })
  }
  return { respond, started: started.opened, aborted: aborted.opened }
}

/** A promise that is resolved from outside. */
export class Latch {
  open: () => void = () => {}
  readonly opened: Promise<void> = new Promise((resolve) => {
    this.open = resolve
  })
}
