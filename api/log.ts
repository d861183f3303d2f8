import { destination, type Logger, pino } from 'pino'
import type { Config } from './config.ts'

/** Hidden wherever a log line would carry it. */
const SECRETS = [
  'req.headers.authorization',
  'req.headers.cookie',
  'headers.authorization',
  'headers.cookie',
  'body',
  '*.body',
]

/** The log of the process: one JSON object per line on stderr. */
export function createLog(level: Config['log_level']): Logger {
  return pino(
    { level, redact: { paths: SECRETS, censor: '[hidden]' } },
    destination({ dest: 2, sync: true }),
  )
}
