import { afterEach, expect, test } from '@jest/globals'
import { createJob } from '../helpers/training.ts'
import { openTrainingGateway, type TrainingGateway } from '../helpers/training-gateway.ts'

let gateway: TrainingGateway

afterEach(() => gateway.close())

test('the board shows the queue and changes nothing', async () => {
  gateway = await openTrainingGateway({
    settings: { PIXELLLM_QUEUE_BOARD: 'on', PIXELLLM_TRAINING: 'off' },
  })
  const run = await createJob(gateway)

  const page = await gateway.app.inject('/queue')
  const queues = await gateway.app.inject('/queue/api/queues?activeQueue=training&status=waiting')
  const remove = await gateway.app.inject({
    method: 'PUT',
    url: `/queue/api/queues/training/${run.record.id}/clean`,
  })

  expect(page.headers['content-type']).toMatch(/^text\/html/)
  expect(queues.json().queues).toEqual([
    expect.objectContaining({ name: 'training', counts: expect.objectContaining({ waiting: 1 }) }),
  ])
  expect(remove.statusCode).toBe(405)
})

test('there is no board unless it is asked for', async () => {
  gateway = await openTrainingGateway()

  expect((await gateway.app.inject('/queue')).statusCode).toBe(404)
})
