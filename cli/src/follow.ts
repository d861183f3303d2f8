import type { TrainingEvent, TrainingJobId } from '@pixelllm/sdk'
import type { Asked, Outcome } from './command.ts'

/** Tells what happens to a job until it has ended; with `json`, an event a line. */
export async function follow(
  { client, terminal, json }: Asked,
  id: TrainingJobId,
  after = 0,
): Promise<Outcome> {
  const { signal } = terminal
  for await (const event of client.trainingJobs.events(id, { after, signal })) {
    terminal.out.write(`${json ? JSON.stringify(event) : lineOf(event)}\n`)
  }
  const { status, model } = await client.trainingJobs.read(id, { signal })
  if (!json && model !== null) terminal.out.write(`pixelllm models activate ${model}\n`)
  return status === 'succeeded' ? 'ok' : 'failed'
}

function lineOf({ at, level, message }: TrainingEvent): string {
  const time = at.slice('2026-01-01T'.length, '2026-01-01T00:00:00'.length)
  return level === 'info' ? `${time} ${message}` : `${time} ${level}: ${message}`
}
