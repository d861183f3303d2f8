/**
 * The wire between Node and the Python worker, as pythonia carries it: JSON strings only.
 *
 * Node calls seven functions, `start(settings)`, `submit(call)`, `order(order)`, `cancel(id)`,
 * `check(plan)`, `ping("")` and `shutdown("")`; each returns an acknowledgement at once. Everything
 * else comes one way, as events on one channel.
 */
import { z } from 'zod'
import { Failure } from './error.ts'
import { LoadedModel } from './models.ts'
import { ModelId } from './tasks/index.ts'
import { Hyperparameters, RecipeName, TrainingJobId } from './training-jobs.ts'
import { Word } from './word.ts'

const milliseconds = z.number().min(0)

/** The name of the channel on which Python pushes its events. */
export const WORKER_CHANNEL = 'pixelllm'

export const CallId = z.string().min(1).max(200).meta({
  id: 'CallId',
  description: 'One request inside the worker; unique while it runs',
})
export type CallId = z.infer<typeof CallId>

export const Slab = z
  .strictObject({
    path: z.string().min(1).describe('File in shared memory that carries image bytes'),
    bytes: z.int().min(1).describe('Its size'),
    spill_path: z.string().min(1).describe('Folder of the images that found no room in it'),
  })
  .meta({ id: 'Slab' })
export type Slab = z.infer<typeof Slab>

export const Device = z.enum(['auto', 'cpu', 'cuda']).meta({ id: 'Device' })
export type Device = z.infer<typeof Device>

export const Dtype = z.enum(['auto', 'float32', 'bfloat16']).meta({ id: 'Dtype' })
export type Dtype = z.infer<typeof Dtype>

const folder = z.string().min(1)

/** A trained model on disk: what it learned, to be put on top of the model it was trained from. */
export const ModelSource = z
  .strictObject({
    id: ModelId,
    folder: folder.describe('Where its model.json and its weights lie'),
  })
  .meta({ id: 'ModelSource' })
export type ModelSource = z.infer<typeof ModelSource>

export const WorkerSettings = z
  .strictObject({
    model: z.string().min(1).describe('A preset whose checkpoint is shipped, or a directory'),
    models: z.array(ModelSource).describe('Trained models to load as well'),
    device: Device,
    dtype: Dtype.describe('What weights and activations are made of; auto: by device and size'),
    threads: z.int().min(1).max(1024).nullable().describe('CPU threads of torch; null: its choice'),
    slab: Slab,
    host_pid: z.int().min(1).describe('The worker ends when this process does'),
    max_queue: z.int().min(1).describe('Calls that may wait for each model'),
    max_batch: z.int().min(1).describe('Sequences of a model that are decoded together'),
    feature_cache_bytes: z
      .int()
      .min(0)
      .describe('Memory for the features of images seen before, of all models'),
  })
  .meta({ id: 'WorkerSettings', description: 'Argument of start' })
export type WorkerSettings = z.infer<typeof WorkerSettings>

export const CallImage = z
  .strictObject({
    id: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .describe('SHA-256 of the file, in hexadecimal'),
    offset: z
      .int()
      .min(0)
      .describe('Where it begins in the slab; beyond its end: the name of a file in spill_path'),
    bytes: z.int().min(1).describe('Size of the file'),
  })
  .meta({ id: 'CallImage' })
export type CallImage = z.infer<typeof CallImage>

export const WorkerCall = z
  .strictObject({
    id: CallId,
    model: ModelId.describe('One of those that are loaded'),
    task: z.string().min(1),
    request: z.record(z.string(), z.unknown()).describe('The validated options of the task'),
    image: CallImage,
    ttl_ms: milliseconds.describe('How long the caller waits for the answer'),
    stream: z.boolean().describe('Whether words are pushed as they are written'),
  })
  .meta({ id: 'WorkerCall', description: 'Argument of submit' })
export type WorkerCall = z.infer<typeof WorkerCall>

export const LoadOrder = z
  .strictObject({ kind: z.literal('load'), id: CallId, model: ModelSource })
  .meta({ id: 'LoadOrder', description: 'Load a trained model; loading one again is fine' })

export const UnloadOrder = z
  .strictObject({ kind: z.literal('unload'), id: CallId, model: ModelId })
  .meta({ id: 'UnloadOrder', description: 'Let go of a trained model when its calls are answered' })

export const TrainOrder = z
  .strictObject({
    kind: z.literal('train'),
    id: CallId,
    job: TrainingJobId,
    run: folder.describe('Folder of the job: job.json, events.jsonl, attempts/ and what it makes'),
    attempt: z
      .int()
      .min(1)
      .describe('Its number in attempts/: as soon as there is a later one, stop'),
    dataset: folder.describe('Folder of the dataset, in the plain layout'),
    base_model: ModelId,
    base_folder: folder
      .nullable()
      .describe('Of a trained model; null for the model of the settings'),
    model: ModelSource.describe('The model to make, and where'),
  })
  .meta({
    id: 'TrainOrder',
    description: 'Work on a training job, or go on with it. Cancelling the order stops it in place',
  })
export type TrainOrder = z.infer<typeof TrainOrder>

export const WorkerOrder = z
  .discriminatedUnion('kind', [LoadOrder, UnloadOrder, TrainOrder])
  .meta({ id: 'WorkerOrder', description: 'Argument of order' })
export type WorkerOrder = z.infer<typeof WorkerOrder>

/** How an order to train ended that did not fail. */
export const TrainOutcome = z
  .enum(['succeeded', 'failed', 'paused', 'cancelled', 'stopped', 'superseded'])
  .meta({
    id: 'TrainOutcome',
    description:
      "The first four are written in the job's events; `stopped`: the order was cancelled; `superseded`: there is a later attempt",
  })
export type TrainOutcome = z.infer<typeof TrainOutcome>

export const TrainingPlan = z
  .strictObject({
    recipe: RecipeName,
    base_folder: folder
      .nullable()
      .describe('Of a trained model; null for the model of the settings'),
    hyperparameters: Hyperparameters,
    seed: z.int().min(0),
  })
  .meta({ id: 'TrainingPlan', description: 'Argument of check' })
export type TrainingPlan = z.infer<typeof TrainingPlan>

export const Refusal = z
  .strictObject({ ok: z.literal(false), error: Failure })
  .meta({ id: 'Refusal', description: 'The acknowledgement of a message that was not taken' })

export const Accepted = z
  .strictObject({ ok: z.literal(true) })
  .meta({ id: 'Accepted', description: 'What submit, cancel and shutdown return' })

export const Started = z
  .strictObject({ ok: z.literal(true), pid: z.int().min(1) })
  .meta({ id: 'Started', description: 'What start returns; loading goes on' })

/** The steps that run the model for a whole batch. */
export const StepName = z
  .enum(['encode', 'detect', 'prefill', 'read', 'segment', 'decode'])
  .meta({ id: 'StepName' })
export type StepName = z.infer<typeof StepName>

export const StepCounts = z
  .strictObject({
    step: StepName,
    seconds: z.number().min(0).describe('That its batches took together'),
    sizes: z
      .array(z.tuple([z.int().min(0), z.int().min(1)]))
      .describe('How many batches there were of each size: [size, batches]'),
  })
  .meta({ id: 'StepCounts' })

export const WorkCounts = z
  .strictObject({
    cache_hits: z.int().min(0).describe('Calls whose image had its features in memory'),
    cache_misses: z.int().min(0).describe('Calls whose image had to be decoded and encoded'),
    steps: z.array(StepCounts),
  })
  .meta({ id: 'WorkCounts', description: 'What a worker has done since it started' })
export type WorkCounts = z.infer<typeof WorkCounts>

export const Pong = z
  .strictObject({
    ok: z.literal(true),
    pid: z.int().min(1),
    engine_age_ms: milliseconds.describe('Since the engine loop last passed its top'),
    queued: z.int().min(0),
    active: z.int().min(0),
    work: WorkCounts.optional().describe('Absent while the model is being loaded'),
  })
  .meta({ id: 'Pong', description: 'What ping returns' })
export type Pong = z.infer<typeof Pong>

export const PlanChecked = z
  .strictObject({ ok: z.literal(true), steps: z.int().min(1) })
  .meta({ id: 'PlanChecked', description: 'What check returns: the recipe can be followed' })

export const PlanAcknowledgement = z.discriminatedUnion('ok', [PlanChecked, Refusal])
export const Acknowledgement = z.discriminatedUnion('ok', [Accepted, Refusal])
export const StartAcknowledgement = z.discriminatedUnion('ok', [Started, Refusal])
export const PingAcknowledgement = z.discriminatedUnion('ok', [Pong, Refusal])

export const Timing = z
  .strictObject({
    queue_ms: milliseconds.describe('Waiting to be admitted'),
    prepare_ms: milliseconds.describe('Decoding and resizing the image'),
    encode_ms: milliseconds.describe('Encoding the image; near 0 when its features were cached'),
    decode_ms: milliseconds.describe('Writing words and placing them'),
    steps: z.int().min(0).describe('Decode steps'),
  })
  .meta({ id: 'Timing' })
export type Timing = z.infer<typeof Timing>

export const ReadyEvent = z
  .strictObject({
    type: z.literal('ready'),
    pid: z.int().min(1),
    device: z.string(),
    models: z.array(LoadedModel).min(1).describe('That of the settings comes first'),
  })
  .meta({ id: 'ReadyEvent', description: 'The model is loaded' })
export type ReadyEvent = z.infer<typeof ReadyEvent>

export const FailedEvent = z
  .strictObject({ type: z.literal('failed'), error: Failure })
  .meta({ id: 'FailedEvent', description: 'The model cannot be loaded' })

export const WordsEvent = z
  .strictObject({ type: z.literal('words'), words: z.array(z.tuple([CallId, z.array(Word)])) })
  .meta({ id: 'WordsEvent', description: 'Words that one decode step completed, by call' })

export const DoneEvent = z
  .strictObject({
    type: z.literal('done'),
    id: CallId,
    result: z.unknown().describe('The output of the task'),
    timing: Timing,
  })
  .meta({ id: 'DoneEvent' })

export const LoadedEvent = z
  .strictObject({ type: z.literal('loaded'), id: CallId, model: LoadedModel })
  .meta({ id: 'LoadedEvent', description: 'An order to load is done' })

export const UnloadedEvent = z
  .strictObject({ type: z.literal('unloaded'), id: CallId })
  .meta({ id: 'UnloadedEvent', description: 'An order to unload is done' })

export const TrainedEvent = z
  .strictObject({ type: z.literal('trained'), id: CallId, outcome: TrainOutcome })
  .meta({ id: 'TrainedEvent', description: 'An order to train ends' })

export const ErrorEvent = z
  .strictObject({ type: z.literal('error'), id: CallId, error: Failure })
  .meta({ id: 'ErrorEvent', description: 'The call, or the order, ends without an answer' })

export const WorkerEvent = z
  .discriminatedUnion('type', [
    ReadyEvent,
    FailedEvent,
    WordsEvent,
    DoneEvent,
    LoadedEvent,
    UnloadedEvent,
    TrainedEvent,
    ErrorEvent,
  ])
  .meta({ id: 'WorkerEvent', description: 'What the worker pushes' })
export type WorkerEvent = z.infer<typeof WorkerEvent>
