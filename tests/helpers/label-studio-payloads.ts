import { readFileSync } from 'node:fs'
import { z } from 'zod'

const Payload = z.record(z.string(), z.unknown())

/** What Label Studio 1.23.2 sent to a backend, without the predictions of earlier requests. */
export function readPayload(
  name: 'setup' | 'predict' | 'interactive' | 'webhook',
): Record<string, unknown> {
  const file = `tests/fixtures/label-studio/${name}.json`
  return Payload.parse(JSON.parse(readFileSync(file, 'utf8')))
}
