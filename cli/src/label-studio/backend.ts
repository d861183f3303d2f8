import type { LabelStudioPrediction, Model, PixelLLM } from '@pixelllm/sdk'
import { workOff } from '../work-off.ts'
import { describeDrawn } from './describe-drawn.ts'
import { concernsOneTask } from './failures.ts'
import { type LabelConfig, readLabelConfig } from './label-config.ts'
import { type PredictRequest, readPredictRequest, readSetupRequest, type Task } from './payloads.ts'
import { Picture } from './picture.ts'
import { preAnnotate } from './pre-annotate.ts'
import { predictionOf } from './prediction.ts'
import type { TaskImages } from './task-images.ts'

export interface BackendOptions {
  readonly client: PixelLLM
  readonly images: TaskImages
  /** The model to ask; absent, the default one. */
  readonly model?: string | undefined
  /** From which score on what is found for a label counts. */
  readonly minScore: number
  /** Writes a line of the log. */
  readonly log: (line: string) => void
}

/** Tasks that are worked on at once. */
const CONCURRENCY = 4
/** Label Studio waits this long for `/health` and `/setup`: 1 and 3 seconds. */
const HEALTH_TIMEOUT_MS = 800
const SETUP_TIMEOUT_MS = 2500

/** No model answers; the message says what to do. */
export class NoModelError extends Error {
  override readonly name = 'NoModelError'
}

/** What the prediction of a task is: nothing is kept of an empty list, so it is asked for again. */
type Predictions = LabelStudioPrediction | readonly []

/** What Label Studio asks of a machine learning backend. */
export class Backend {
  readonly #options: BackendOptions

  constructor(options: BackendOptions) {
    this.#options = options
  }

  /** Whether PixelLLM is there; throws where it is not. */
  async health(signal: AbortSignal): Promise<object> {
    const options = { signal, timeoutMs: HEALTH_TIMEOUT_MS }
    const health = await this.#options.client.health(options)
    if (!health.ready) throw new NoModelError(health.problem.detail ?? health.problem.title)
    return { status: 'UP', model_class: 'PixelLLM' }
  }

  /** Checks the configuration of a project. */
  async setup(body: unknown, signal: AbortSignal): Promise<object> {
    readLabelConfig(readSetupRequest(body))
    return { model_version: await this.#model(signal) }
  }

  /** The models, which are what Label Studio calls versions. */
  async versions(signal: AbortSignal): Promise<object> {
    const active = (await this.#models(signal)).filter(({ status }) => status === 'active')
    return { versions: active.map(({ id }) => id) }
  }

  /** A prediction for each task, in their order. */
  async predict(body: unknown, signal: AbortSignal): Promise<object> {
    const request = readPredictRequest(body)
    const config = readLabelConfig(request.labelConfig)
    const model = await this.#model(signal)
    const results: Predictions[] = request.tasks.map(() => [])
    await workOff([...request.tasks.entries()], CONCURRENCY, async ([index, task]) => {
      results[index] = await this.#predictOne(task, request, config, { model, signal })
    })
    return { results }
  }

  async #predictOne(
    task: Task,
    { drawn }: PredictRequest,
    config: LabelConfig,
    { model, signal }: { readonly model: string; readonly signal: AbortSignal },
  ): Promise<Predictions> {
    const { client, images, minScore, log } = this.#options
    try {
      const image = await images.read(task.data[config.image.field], signal)
      const picture = new Picture(client, image, { model, signal })
      if (drawn !== undefined) return await describeDrawn(picture, config, drawn, model)
      return await preAnnotate(picture, config, {
        model,
        minScore,
        onUnsupported: (control, { message }) => log(`${control.name} stays empty: ${message}`),
      })
    } catch (error) {
      if (signal.aborted || !concernsOneTask(error)) throw error
      log(`task ${task.id} gets no prediction: ${error.message}`)
      // Who has drawn something waits for a prediction, and it is not kept.
      return drawn === undefined ? [] : predictionOf(model, [])
    }
  }

  /** The name of the model that is asked. */
  async #model(signal: AbortSignal): Promise<string> {
    const name = this.#options.model
    const models = await this.#models(signal)
    const model = models.find((one) => (name === undefined ? one.default : one.id === name))
    if (model?.status === 'active') return model.id
    throw new NoModelError(
      name === undefined ? 'the server has no active model' : `the model ${name} is not active`,
    )
  }

  #models(signal: AbortSignal): Promise<Model[]> {
    const options = { signal, timeoutMs: SETUP_TIMEOUT_MS, retries: 0 }
    return this.#options.client.models.list(options)
  }
}
