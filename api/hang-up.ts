import type { FastifyReply } from 'fastify'
import { ApiError } from './errors.ts'

/** A signal that is aborted when the caller closes the connection before the reply is out. */
export function hangUpSignal({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController()
  const onClose = (): void => {
    if (!raw.writableEnded) controller.abort(new ApiError('cancelled', 'the caller hung up'))
  }
  if (raw.destroyed) onClose()
  else raw.once('close', onClose)
  return controller.signal
}
