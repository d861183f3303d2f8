/**
 * A data folder without room for the next checkpoint. It lies on a small file system of its own, which
 * takes the right to mount one: without it these tests are skipped.
 */
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { PixelLLM, type TrainingJobAsked } from '../../sdk/src/index.ts'
import { ServerProcess } from '../helpers/server-process.ts'
import { SmallDisk } from '../helpers/small-disk.ts'
import { followToEnd, SHORT, statusesOf, uploadScenes } from '../helpers/training-service.ts'

jest.setTimeout(180_000)

/** Room for events, and for no checkpoint. */
const LEFT_BYTES = 256 * 1024
const image = new Uint8Array(await readFile('samples/street.png'))
const disk = await SmallDisk.mount('64m')

if (disk === undefined) {
  test.skip('a full disk: this user may not mount a file system', () => {})
} else {
  describe('a job whose disk is full', () => fillUp(disk))
}

function fillUp(disk: SmallDisk): void {
  let server: ServerProcess
  let client: PixelLLM
  let request: TrainingJobAsked

  beforeAll(async () => {
    server = await ServerProcess.start({ PIXELLLM_DATA_DIR: disk.folder })
    client = new PixelLLM({ baseUrl: await server.address() })
    const dataset = await uploadScenes(client, 12, '--new-things')
    request = { recipe: 'trace', dataset: dataset.id, hyperparameters: SHORT }
  })

  afterAll(async () => {
    await ServerProcess.killAll()
    await disk.unmount()
  })

  test('fails with storage_full, and requests are answered', async () => {
    const { id } = await client.trainingJobs.create(request)
    await firstCheckpoint(id)
    await disk.fill(LEFT_BYTES)
    const { job, events } = await followToEnd(client, id)

    expect(job).toMatchObject({
      status: 'failed',
      error: { code: 'storage_full', message: expect.any(String) },
      model: null,
    })
    expect(statusesOf(events)).toEqual(['queued', 'running', 'failed'])
    expect(await client.trainingJobs.checkpoints(id)).toMatchObject([{ step: 5 }])
    await expect(client.caption(image)).resolves.toMatchObject({ model: 'tiny' })
  })

  test('is no hindrance to the next one when there is room', async () => {
    await disk.clear()
    const { id } = await client.trainingJobs.create(request)
    const { job } = await followToEnd(client, id)

    expect(job).toMatchObject({ status: 'succeeded', error: null })
  })

  async function firstCheckpoint(id: string): Promise<void> {
    for await (const { type } of client.trainingJobs.events(id)) if (type === 'checkpoint') return
  }
}
