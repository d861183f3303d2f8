/** Connections that are cut in the middle, which no real server can be made to do at a given event. */
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { PixelLLM, type TrainingEvent } from '../../sdk/src/index.ts'
import { FakeTrainingApi, happenings, job } from '../helpers/fake-training-api.ts'

let api: FakeTrainingApi
let client: PixelLLM

beforeEach(async () => {
  api = new FakeTrainingApi()
  client = new PixelLLM({ baseUrl: await api.open() })
})

afterEach(() => api.close())

test('go on behind the last event, however often the connection breaks', async () => {
  api.breaks = [2, 0, 1]
  const events: TrainingEvent[] = []

  for await (const event of client.trainingJobs.events(job.id, { after: 1 })) events.push(event)

  expect(events).toEqual(happenings.slice(1))
  const opened = api.asked.filter(({ path }) => path.endsWith('/events'))
  expect(opened.map(({ headers }) => headers['last-event-id'])).toEqual(['1', '4', '4', '5', '6'])
})

test('are no longer followed when the signal is aborted between two connections', async () => {
  api.breaks = [1, 0, 0, 0, 0]
  const stop = new AbortController()
  const follow = async (): Promise<void> => {
    for await (const _ of client.trainingJobs.events(job.id, { signal: stop.signal })) {
      stop.abort(new Error('enough'))
    }
  }

  await expect(follow()).rejects.toThrow('enough')
})
