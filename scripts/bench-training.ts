/**
 * What training costs those who ask: captions, one after the other, of a server that does nothing else,
 * and of the same one while a job teaches `tiny` new names. Prints JSON. Run it with
 * `npx tsx scripts/bench-training.ts`.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { PixelLLM } from '../sdk/src/index.ts'
import { readPictures } from '../tests/helpers/new-things.ts'
import { ServerProcess } from '../tests/helpers/server-process.ts'
import { teachNewNames, uploadScenes, writeScenes } from '../tests/helpers/training-service.ts'

const CAPTIONS = 100
const WARM_UP = 5
/** Between an answer and the next question. */
const PAUSES_MS = [0, 300]
/** More than the captions take; what is left is cancelled. */
const STEPS = 2000

const folder = await mkdtemp(join(tmpdir(), 'pixelllm-bench-'))
// Without kept features: each picture is looked at anew, as a new one is.
const server = await ServerProcess.start({ PIXELLLM_FEATURE_CACHE_BYTES: '0' })
try {
  const client = new PixelLLM({ baseUrl: await server.address(), retries: 0 })
  await writeScenes(join(folder, 'scenes'), CAPTIONS, '--new-things', '--val')
  const pictures = (await readPictures(join(folder, 'scenes'))).map(({ bytes }) => bytes)
  const dataset = await uploadScenes(client, 200, '--new-things')

  await ask(client, pictures.slice(0, WARM_UP), 0)
  const idle = await measure(client, pictures)
  const { id } = await client.trainingJobs.create({
    recipe: 'trace',
    dataset: dataset.id,
    hyperparameters: { ...teachNewNames(STEPS, 1e-3), 'schedule.report_every': 1 },
  })
  for await (const { type } of client.trainingJobs.events(id)) if (type === 'metrics') break
  const busy = await measure(client, pictures)
  const { status, progress } = await client.trainingJobs.cancel(id)
  if (status !== 'running') throw new Error(`the job is ${status}: it did not run all the time`)

  const results = PAUSES_MS.map((pause_ms, index) => {
    const [alone, beside] = [idle[index], busy[index]]
    if (alone === undefined || beside === undefined) throw new Error('nothing was measured')
    const p95_ratio = Math.round((beside.p95_ms / alone.p95_ms) * 100) / 100
    return { pause_ms, captions: CAPTIONS, idle: alone, busy: beside, p95_ratio }
  })
  const machine = { node: process.version, cpus: cpus().length, load_average: loadavg()[0] }
  const steps = progress?.step
  console.log(JSON.stringify({ date: new Date().toISOString(), machine, steps, results }, null, 2))
} finally {
  server.signal('SIGTERM')
  await server.exited
  await rm(folder, { recursive: true, force: true })
}

async function measure(client: PixelLLM, pictures: readonly Uint8Array[]) {
  const results = []
  for (const pause_ms of PAUSES_MS) {
    const times = (await ask(client, pictures, pause_ms)).toSorted((a, b) => a - b)
    results.push({ p50_ms: percentile(times, 0.5), p95_ms: percentile(times, 0.95) })
  }
  return results
}

/** Milliseconds from each question to its answer. */
async function ask(
  client: PixelLLM,
  pictures: readonly Uint8Array[],
  pause_ms: number,
): Promise<number[]> {
  const times: number[] = []
  for (const picture of pictures) {
    const begin = performance.now()
    await client.caption(picture)
    times.push(performance.now() - begin)
    await sleep(pause_ms)
  }
  return times
}

/** Of numbers in order. */
function percentile(sorted: readonly number[], share: number): number {
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0)
}
