import type { FastifyInstance } from 'fastify'
import type { Training } from '../training/index.ts'

const PATH = '/queue'

/** Pages that show the job queue to people. They change nothing: what the queue says is only an order. */
export async function queueBoard(app: FastifyInstance, training: Training): Promise<void> {
  const { createBullBoard } = await import('@bull-board/api')
  const { BullAdapter } = await import('@bull-board/api/bullAdapter')
  const { FastifyAdapter } = await import('@bull-board/fastify')
  const serverAdapter = new FastifyAdapter()
  serverAdapter.setBasePath(PATH)
  const options = { readOnlyMode: true, allowRetries: false }
  createBullBoard({ queues: [new BullAdapter(training.bull, options)], serverAdapter })
  await app.register(serverAdapter.registerPlugin(), { prefix: PATH })
}
