/** Every setting of the server. No other file reads the environment. */
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { Device, Dtype } from '../schemas/index.ts'

const MIB = 2 ** 20
const GIB = 2 ** 30

/** Settings that may hold a password. */
const SECRETS: ReadonlySet<string> = new Set(['REDIS_URL'])
const FOLDER = /^(?<name>[\w-]{1,100})=(?<folder>\/.*)$/

const Environment = z.object({
  PIXELLLM_HOST: z.string().default('127.0.0.1'),
  PIXELLLM_PORT: wholeNumber(0, 65_535).default(8080),
  PIXELLLM_MODEL: z.string().default('tiny'),
  PIXELLLM_DEVICE: Device.default('auto'),
  PIXELLLM_DTYPE: Dtype.default('auto'),
  PIXELLLM_THREADS: wholeNumber(1, 1024).optional(),
  PIXELLLM_WORKERS: wholeNumber(1, 64).default(1),
  PIXELLLM_WORKER_PYTHON: z.string().default(() => fromPackage('.venv/bin/python')),
  PIXELLLM_DATA_DIR: z.string().default('./data'),
  PIXELLLM_MAX_QUEUE: wholeNumber(1, 100_000).default(64),
  PIXELLLM_MAX_BATCH: wholeNumber(1, 1024).default(16),
  PIXELLLM_FEATURE_CACHE_BYTES: wholeNumber(0).default(256 * MIB),
  PIXELLLM_SLAB_BYTES: wholeNumber(MIB).default(32 * MIB),
  PIXELLLM_MAX_IMAGE_BYTES: wholeNumber(1024, 512 * MIB).default(20 * MIB),
  PIXELLLM_MAX_IMAGE_PIXELS: wholeNumber(1).default(50_000_000),
  PIXELLLM_MAX_IMAGE_SIDE: wholeNumber(1).default(16_384),
  PIXELLLM_IMAGE_TTL_S: wholeNumber(1).default(24 * 60 * 60),
  PIXELLLM_IMAGE_STORE_BYTES: wholeNumber(0).default(1024 * MIB),
  PIXELLLM_MAX_DATASET_BYTES: wholeNumber(1024).default(5 * GIB),
  PIXELLLM_MAX_DATASET_FILE_BYTES: wholeNumber(1024).default(GIB),
  PIXELLLM_MAX_DATASET_FILES: wholeNumber(1, 10_000_000).default(200_000),
  PIXELLLM_MAX_ARCHIVE_RATIO: wholeNumber(1, 100_000).default(100),
  PIXELLLM_DATASET_STORE_BYTES: wholeNumber(0).default(50 * GIB),
  PIXELLLM_DATASET_ROOTS: folders().default(new Map()),
  PIXELLLM_DATASET_CHECK_TIMEOUT_MS: wholeNumber(1, 86_400_000).default(3_600_000),
  PIXELLLM_DATASET_CHECK_BYTES: wholeNumber(256 * MIB).default(2 * GIB),
  PIXELLLM_UPLOAD_TIMEOUT_MS: wholeNumber(1, 86_400_000).default(3_600_000),
  PIXELLLM_REQUEST_TIMEOUT_MS: wholeNumber(1, 3_600_000).default(30_000),
  PIXELLLM_LOAD_TIMEOUT_MS: wholeNumber(1, 3_600_000).default(900_000),
  PIXELLLM_STEP_TIMEOUT_MS: wholeNumber(1, 3_600_000).default(120_000),
  PIXELLLM_DRAIN_TIMEOUT_MS: wholeNumber(0, 3_600_000).default(20_000),
  PIXELLLM_TRAINING: onOrOff().default(true),
  PIXELLLM_QUEUE_BOARD: onOrOff().default(false),
  REDIS_URL: z
    .url({
      protocol: /^rediss?$/,
      error: 'it must be an address such as redis://localhost:6379',
    })
    .optional(),
  PIXELLLM_LOG_REQUESTS: onOrOff().default(false),
  OTEL_EXPORTER_OTLP_ENDPOINT: httpAddress().optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: httpAddress().optional(),
  PIXELLLM_LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info'),
})

const Config = Environment.transform((env) => ({
  /** Address to listen on. */
  host: env.PIXELLLM_HOST,
  /** Port to listen on; 0 takes a free one. */
  port: env.PIXELLLM_PORT,
  /** A preset whose checkpoint is shipped, or a directory. */
  model: env.PIXELLLM_MODEL,
  device: env.PIXELLLM_DEVICE,
  /** What weights are made of in memory; `auto` goes by the device and the size of the model. */
  dtype: env.PIXELLLM_DTYPE,
  /** CPU threads of each worker; null leaves it to torch. */
  threads: env.PIXELLLM_THREADS ?? null,
  workers: env.PIXELLLM_WORKERS,
  /** The Python interpreter that has `pixelllm`. */
  worker_python: env.PIXELLLM_WORKER_PYTHON,
  /** Where stored images, runs and the job queue lie. */
  data_dir: env.PIXELLLM_DATA_DIR,
  /** Calls that may wait in each worker. */
  max_queue: env.PIXELLLM_MAX_QUEUE,
  /** Sequences that each worker decodes together. */
  max_batch: env.PIXELLLM_MAX_BATCH,
  /** Memory of each worker for the features of images seen before. */
  feature_cache_bytes: env.PIXELLLM_FEATURE_CACHE_BYTES,
  /** Shared memory that carries images to the workers. */
  slab_bytes: env.PIXELLLM_SLAB_BYTES,
  max_image_bytes: env.PIXELLLM_MAX_IMAGE_BYTES,
  max_image_pixels: env.PIXELLLM_MAX_IMAGE_PIXELS,
  max_image_side: env.PIXELLLM_MAX_IMAGE_SIDE,
  /** How long a stored image is kept after its last use. */
  image_ttl_s: env.PIXELLLM_IMAGE_TTL_S,
  /** Disk for stored images; the ones used longest ago make room. */
  image_store_bytes: env.PIXELLLM_IMAGE_STORE_BYTES,
  /** Of an archive, and of what it is unpacked to. */
  max_dataset_bytes: env.PIXELLLM_MAX_DATASET_BYTES,
  max_dataset_file_bytes: env.PIXELLLM_MAX_DATASET_FILE_BYTES,
  max_dataset_files: env.PIXELLLM_MAX_DATASET_FILES,
  /** How many times its own size an archive may be unpacked to. */
  max_archive_ratio: env.PIXELLLM_MAX_ARCHIVE_RATIO,
  /** Disk for datasets that were sent; there is no room for more. */
  dataset_store_bytes: env.PIXELLLM_DATASET_STORE_BYTES,
  /** Folders that callers may make datasets of, by the ids that they name. */
  dataset_roots: env.PIXELLLM_DATASET_ROOTS,
  dataset_check_timeout_ms: env.PIXELLLM_DATASET_CHECK_TIMEOUT_MS,
  /** Memory of the process that checks a dataset. */
  dataset_check_bytes: env.PIXELLLM_DATASET_CHECK_BYTES,
  /** How long sending an archive may take. */
  upload_timeout_ms: env.PIXELLLM_UPLOAD_TIMEOUT_MS,
  /** How long a caller waits for an answer. */
  request_timeout_ms: env.PIXELLLM_REQUEST_TIMEOUT_MS,
  /** From the start of a worker to its loaded model. */
  load_timeout_ms: env.PIXELLLM_LOAD_TIMEOUT_MS,
  /** How long a worker may be in one step before it counts as hung. */
  step_timeout_ms: env.PIXELLLM_STEP_TIMEOUT_MS,
  /** How long running requests may go on after SIGTERM. */
  drain_timeout_ms: env.PIXELLLM_DRAIN_TIMEOUT_MS,
  /** Whether this gateway works on training jobs; it takes them in any case. */
  training: env.PIXELLLM_TRAINING,
  /** Whether people can look at the job queue under /queue. */
  queue_board: env.PIXELLLM_QUEUE_BOARD,
  /** The server of the job queue; null for one of the data folder's own. */
  redis_url: env.REDIS_URL ?? null,
  log_level: env.PIXELLLM_LOG_LEVEL,
  /** Whether the log says what was asked: phrases, prefixes, places. */
  log_requests: env.PIXELLLM_LOG_REQUESTS,
  /** Where traces are sent; null sends none. */
  traces_url: tracesUrl(env),
}))
export type Config = z.infer<typeof Config>

/** A setting that the server cannot use. The message says which one and what it may be. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/** Reads the settings; one that is empty counts as not set. */
export function loadConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const set = Object.entries(environment).filter(([, value]) => value?.trim())
  const parsed = Config.safeParse(Object.fromEntries(set))
  if (parsed.success) return parsed.data

  const sentences = parsed.error.issues.map(({ path, message }) => {
    const name = String(path[0])
    if (SECRETS.has(name)) return `${name}: ${message}.`
    return `${name} is ${JSON.stringify(environment[name])}: ${message}.`
  })
  throw new ConfigError(sentences.join('\n'))
}

function wholeNumber(min: number, max: number = Number.MAX_SAFE_INTEGER) {
  const range = max === Number.MAX_SAFE_INTEGER ? `from ${min}` : `from ${min} to ${max}`
  const error = `it must be a whole number ${range}`
  return z
    .string()
    .trim()
    .regex(/^\d{1,15}$/, { error, abort: true })
    .transform(Number)
    .pipe(z.int({ error }).min(min, { error }).max(max, { error }))
}

function onOrOff() {
  const error = 'it must be on or off'
  return z.enum(['on', 'off'], { error }).transform((word) => word === 'on')
}

/** Folders by name: `flowers=/srv/flowers,birds=/srv/birds`. */
function folders() {
  return z.string().transform((text, context) => {
    const entries = text.split(',').map((part) => FOLDER.exec(part.trim())?.groups)
    const found = new Map(entries.map((entry) => [entry?.name ?? '', entry?.folder ?? '']))
    if (found.size === entries.length && !found.has('')) return found
    const message =
      'it must be name=/folder, several with commas between, each name once and in letters, digits, - and _'
    context.addIssue({ code: 'custom', message })
    return z.NEVER
  })
}

function httpAddress() {
  const error = 'it must be an address such as http://127.0.0.1:4318'
  return z.url({ protocol: /^https?$/, error })
}

/** As OpenTelemetry defines it: the second names the collector, the first the address for traces. */
function tracesUrl(env: {
  readonly OTEL_EXPORTER_OTLP_TRACES_ENDPOINT?: string | undefined
  readonly OTEL_EXPORTER_OTLP_ENDPOINT?: string | undefined
}): string | null {
  const { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: traces, OTEL_EXPORTER_OTLP_ENDPOINT: base } = env
  if (traces !== undefined) return traces
  return base === undefined ? null : `${base.replace(/\/+$/, '')}/v1/traces`
}

/** A path inside the folder of package.json, from the sources as well as from `dist`. */
function fromPackage(path: string): string {
  const up = import.meta.url.endsWith('.ts') ? '../' : '../../'
  return fileURLToPath(new URL(up + path, import.meta.url))
}
