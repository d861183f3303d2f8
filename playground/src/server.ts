/** The server that this page came from: the client for tasks, and the requests that it has no method for. */
import {
  ApiError,
  type Dataset,
  type DatasetDetails,
  type Model,
  PixelLLM,
  type Problem,
  type TrainingJob,
  type TrainingJobRequest,
} from '../../sdk/src/index.ts'

/** Without a slash at its end. The page may lie below a path of another server. */
export const address = new URL('.', document.baseURI).href.replace(/\/$/, '')
export const server = new PixelLLM({ baseUrl: address })

const PAGE = 50

export async function listDatasets(): Promise<readonly Dataset[]> {
  const reply = await server.raw.GET('/v1/datasets', { params: { query: { limit: PAGE } } })
  return answer(reply).datasets
}

export async function readDataset(id: string): Promise<DatasetDetails> {
  return answer(await server.raw.GET('/v1/datasets/{id}', { params: { path: { id } } }))
}

export async function listJobs(): Promise<readonly TrainingJob[]> {
  const reply = await server.raw.GET('/v1/training-jobs', { params: { query: { limit: PAGE } } })
  return answer(reply).training_jobs
}

export async function readJob(id: string): Promise<TrainingJob> {
  return answer(await server.raw.GET('/v1/training-jobs/{id}', { params: { path: { id } } }))
}

export async function createJob(body: TrainingJobRequest): Promise<TrainingJob> {
  const header = { 'idempotency-key': crypto.randomUUID?.() ?? String(Math.random()) }
  return answer(await server.raw.POST('/v1/training-jobs', { params: { header }, body }))
}

export type JobChange = 'pause' | 'resume' | 'cancel'

export async function changeJob(id: string, change: JobChange): Promise<TrainingJob> {
  const options = { params: { path: { id } } }
  switch (change) {
    case 'pause':
      return answer(await server.raw.POST('/v1/training-jobs/{id}/pause', options))
    case 'resume':
      return answer(await server.raw.POST('/v1/training-jobs/{id}/resume', options))
    case 'cancel':
      return answer(await server.raw.POST('/v1/training-jobs/{id}/cancel', options))
  }
}

export async function activateModel(id: string): Promise<Model> {
  const options = { params: { path: { id } }, body: { default: false } }
  return answer(await server.raw.POST('/v1/models/{id}/activate', options))
}

/** Where the events of a job come from live, from the one behind `after` on. */
export function jobEvents(id: string, after: number): EventSource {
  return new EventSource(`${address}/v1/training-jobs/${id}/events?after=${after}`)
}

export interface Sending {
  readonly archive: File
  readonly name: string
  readonly onProgress: (share: number) => void
  readonly signal: AbortSignal
}

/** Sends a dataset. Not with `fetch`, which does not tell how much of a body has been sent. */
export function sendDataset({ archive, name, onProgress, signal }: Sending): Promise<Dataset> {
  const form = new FormData()
  if (name !== '') form.set('name', name)
  form.set('archive', archive)
  const request = new XMLHttpRequest()
  request.open('POST', `${address}/v1/datasets`)
  request.upload.addEventListener('progress', ({ loaded, total }) => onProgress(loaded / total))
  signal.addEventListener('abort', () => request.abort(), { once: true })
  return new Promise((resolve, reject) => {
    request.addEventListener('load', () => {
      if (request.status === 201) resolve(read(request.responseText))
      else reject(problemIn(request))
    })
    request.addEventListener('error', () => reject(new TypeError('the server does not answer')))
    request.addEventListener('abort', () => reject(new DOMException('stopped', 'AbortError')))
    request.send(form)
  })
}

/** The server has checked what it sends against the same contract that the types come from. */
function answer<Result>(reply: {
  readonly data?: Result | undefined
  readonly error?: Problem | undefined
  readonly response: Response
}): Result {
  if (reply.error !== undefined) throw new ApiError(reply.error)
  if (reply.data !== undefined) return reply.data
  throw new Error(`the server answered with status ${reply.response.status} and nothing else`)
}

function read<Result>(text: string): Result {
  return JSON.parse(text)
}

/** What stands between this page and the server may answer with something else. */
function problemIn({ responseText, status }: XMLHttpRequest): Error {
  try {
    return new ApiError(read(responseText))
  } catch {
    return new Error(`the server answered with status ${status}`)
  }
}
