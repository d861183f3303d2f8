/** One line in the log for each request, with nothing of what it carried. */
import { type RequestObserver, statusOf } from './observer.ts'

export const requestLog: RequestObserver = {
  end(request, reply) {
    const status = statusOf(reply)
    const [path] = request.url.split('?')
    const line = {
      method: request.method,
      path,
      status,
      ...request.facts,
      ...(request.problem !== null && { code: request.problem }),
      total_ms: Math.round(reply.elapsedTime * 10) / 10,
    }
    if (status >= 500) request.log.warn(line, 'request')
    else request.log.info(line, 'request')
  },
}
