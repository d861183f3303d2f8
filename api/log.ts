import { type DestinationStream, destination, type Logger, pino } from 'pino'
import { z } from 'zod'
import type { Config } from './config.ts'
import { codeOf } from './error-code.ts'

/** Hidden wherever a log line would carry it, such as those of libraries on the level `trace`. */
const SECRETS = ['headers', '*.headers', '*.*.headers', 'body', '*.body']

export type LogConfig = Pick<Config, 'log_level' | 'log_requests'>

const Line = z.looseObject({ time: z.number(), level: z.number(), msg: z.string().optional() })

/** The log of the process on stderr: JSON for programs, or, on a terminal, lines to read. */
export function createLog(config: LogConfig, terminal: boolean): Logger {
  const { log_level: level, log_requests } = config
  const redact = { paths: SECRETS, censor: '[hidden]' }
  const serializers = { refusal: log_requests ? pino.stdSerializers.err : kindOf }
  const stderr = destination({ dest: 2, sync: true })
  return pino({ level, redact, serializers, base: null }, terminal ? readable(stderr) : stderr)
}

/** Of the reason for a refusal, what repeats nothing of the request. */
function kindOf(error: unknown): Record<string, string> {
  const type = error instanceof Error ? error.name : typeof error
  const code = codeOf(error)
  return { type, ...(code !== undefined && { code }) }
}

function readable(stream: DestinationStream): DestinationStream {
  return { write: (line) => stream.write(`${readableLine(line)}\n`) }
}

/** For example `08:15:30 info request method=GET path=/healthz status=200 total_ms=0.4`. */
export function readableLine(line: string): string {
  const { time, level, msg = '', ...facts } = Line.parse(JSON.parse(line))
  const clock = new Date(time).toTimeString().slice(0, 8)
  const rest = Object.entries(facts).map(([name, value]) => `${name}=${readableValue(value)}`)
  return [clock, pino.levels.labels[level] ?? level, msg, ...rest].join(' ')
}

function readableValue(value: unknown): string {
  if (typeof value === 'object' && value !== null && 'stack' in value) return String(value.stack)
  return typeof value === 'string' ? value : JSON.stringify(value)
}
