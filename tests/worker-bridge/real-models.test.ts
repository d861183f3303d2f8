/** Several real models in a real worker: `tiny`, and one that was trained from it. */
import { createHash, randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { jest } from '@jest/globals'
import { CaptionOutput, type ModelSource } from '../../schemas/index.ts'
import type { WorkerPool } from '../../worker-bridge/index.ts'
import { TrainedCheckpoint } from '../helpers/checkpoints.ts'
import { codeOf, RecordingLog } from './fixtures/fault-pool.ts'
import { gone } from './fixtures/processes.ts'
import { startRealWorkers } from './fixtures/real-pool.ts'

jest.setTimeout(120_000)

const PATIENT = { timeout_ms: 60_000 }
const log = new RecordingLog()
let workers: WorkerPool
let trained: TrainedCheckpoint
let street: Uint8Array

beforeAll(async () => {
  street = await readFile(new URL('../../samples/street.png', import.meta.url))
  trained = await TrainedCheckpoint.write('tiny-ft', 'tiny')
  workers = await startRealWorkers('tiny', log)
  await workers.ready()
})

afterAll(async () => {
  await workers?.close()
  await trained?.delete()
})

test('answers about both models at once, each as it has learned', async () => {
  await workers.load(trained.source, PATIENT)

  const [tiny, other] = await Promise.all([caption('tiny'), caption('tiny-ft')])

  expect(workers.status().models.map(({ id }) => id)).toEqual(['tiny', 'tiny-ft'])
  expect(other.words.length).toBeGreaterThan(0)
  expect(other.caption).toBe(tiny.caption)
  expect(other.words[0]?.box).not.toEqual(tiny.words[0]?.box)
})

test('answers alike after Python was killed and has loaded both again', async () => {
  await workers.load(trained.source, PATIENT)
  const before = await caption('tiny-ft')

  await killPython()

  expect((await caption('tiny-ft')).caption).toBe(before.caption)
})

test('ends a load that Python dies in, and answers on', async () => {
  await workers.unload('tiny-ft', PATIENT)
  const loading = codeOf(workers.load(trained.source, PATIENT))

  await killPython()

  expect(['answered', 'worker_crashed']).toContain(await loading)
  expect((await caption('tiny')).words.length).toBeGreaterThan(0)
})

test('refuses a folder without a model', async () => {
  const stranger: ModelSource = { id: 'nobody', folder: '/nowhere' }

  await expect(workers.load(stranger, PATIENT)).rejects.toMatchObject({
    code: 'model_unavailable',
    message: expect.stringMatching(/model\.json/),
  })
})

async function killPython(): Promise<void> {
  const pid = workers.inspect().workers[0]?.python_pid
  if (pid === undefined) throw new Error('no Python runs')
  process.kill(pid, 'SIGKILL')
  await gone(pid)
}

async function caption(model: string): Promise<CaptionOutput> {
  const id = createHash('sha256').update(street).digest('hex')
  const image = { id, bytes: street }
  const request = { beams: 1 }
  const { result } = await workers.run(
    { id: randomUUID(), model, task: 'caption', request, image, timeout_ms: 60_000 },
    { signal: new AbortController().signal },
  )
  return CaptionOutput.parse(result)
}
