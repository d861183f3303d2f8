/** What Label Studio sends, read from JSON; what is not needed of it is left alone. */

export interface Task {
  readonly id: string
  readonly data: Readonly<Record<string, unknown>>
}

export interface PredictRequest {
  readonly tasks: readonly Task[]
  /** XML. */
  readonly labelConfig: string
  /** What the annotator has just drawn; undefined where it is not about a drawing. */
  readonly drawn: Drawn | undefined
}

/** A shape that an annotator has drawn, in pixels of the image. */
export interface Drawn {
  readonly x: number
  readonly y: number
  /** Both 0 for a point. */
  readonly width: number
  readonly height: number
  readonly label: string | undefined
}

/** A request is none that Label Studio sends; the message says what is missing. */
export class PayloadError extends Error {
  override readonly name = 'PayloadError'
}

/** @see https://labelstud.io/guide/ml_create and, for `context`, label_studio/ml/api_connector.py */
export function readPredictRequest(body: unknown): PredictRequest {
  const { tasks, label_config, params } = fieldsOf(body)
  if (!Array.isArray(tasks)) throw new PayloadError('the request has no tasks')
  if (typeof label_config !== 'string') throw new PayloadError('the request has no label_config')
  const { result } = fieldsOf(fieldsOf(params).context)
  // Of several shapes it is the last that was drawn now.
  const drawn = Array.isArray(result) ? readDrawn(result.at(-1)) : undefined
  return { tasks: tasks.map(readTask), labelConfig: label_config, drawn }
}

/** The XML of the project that a backend is set up for. */
export function readSetupRequest(body: unknown): string {
  const { schema } = fieldsOf(body)
  if (typeof schema !== 'string') throw new PayloadError('the request has no schema')
  return schema
}

function readTask(task: unknown): Task {
  const { id, data } = fieldsOf(task)
  return { id: String(id), data: fieldsOf(data) }
}

/** Undefined for shapes that are neither rectangle nor point, polygons for example. */
function readDrawn(shape: unknown): Drawn | undefined {
  const { type, value, original_width, original_height } = fieldsOf(shape)
  if (typeof type !== 'string') return undefined
  const { x, y, width, height, [type]: labels } = fieldsOf(value)
  const [label] = Array.isArray(labels) ? labels : []
  // The width of a key point is how thick it is drawn.
  const isPoint = type.startsWith('keypoint')
  const place = {
    x: toPixels(x, original_width),
    y: toPixels(y, original_height),
    width: isPoint ? 0 : toPixels(width, original_width),
    height: isPoint ? 0 : toPixels(height, original_height),
  }
  if (Object.values(place).some(Number.isNaN)) return undefined
  return { ...place, label: typeof label === 'string' ? label : undefined }
}

function toPixels(percent: unknown, side: unknown): number {
  if (typeof percent !== 'number' || typeof side !== 'number') return Number.NaN
  return (Math.min(Math.max(percent, 0), 100) / 100) * side
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return Object(value)
}
