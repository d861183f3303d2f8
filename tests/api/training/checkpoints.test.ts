import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readlink, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { packCheckpoint } from '../../../api/training/index.ts'
import { until } from '../../worker-bridge/fixtures/processes.ts'

const ID = 'step-00000004'

let run: string

beforeEach(async () => {
  run = await mkdtemp(join(tmpdir(), 'pixelllm-run-'))
  const folder = join(run, 'checkpoints', ID)
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'state.json'), '{"step":4}')
  await writeFile(join(folder, 'training.safetensors'), Buffer.alloc(8_000_000))
})

afterEach(() => rm(run, { recursive: true }))

// What nobody hears of would end the process, and here fails the test.
test('a download whose reader goes away ends quietly, and lets go of the files', async () => {
  const archive = await packCheckpoint(run, ID)
  const opened = await openFiles()
  await once(archive, 'data')

  archive.destroy()
  await once(archive, 'close')

  expect(opened).toHaveLength(2)
  await until(async () => (await openFiles()).length === 0)
})

/** The files of the run that this process has open. */
async function openFiles(): Promise<string[]> {
  const numbers = await readdir('/proc/self/fd')
  const paths = await Promise.all(
    numbers.map((number) => readlink(`/proc/self/fd/${number}`).catch(() => '')),
  )
  return paths.filter((path) => path.startsWith(run))
}
