import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { TrainingMetrics } from '../../schemas/index.ts'
import { codeOf } from '../error-code.ts'
import { readLines } from './lines.ts'

const MetricsLine = z.looseObject({ step: z.int().min(0) })

/** The reports of a run behind the step `after`, by step; all that is said about a step is one entry. */
export async function readMetrics(
  runFolder: string,
  after: number,
  limit: number,
): Promise<{ metrics: TrainingMetrics[]; has_more: boolean }> {
  const metrics: TrainingMetrics[] = []
  for await (const { step, values } of reportsOf(join(runFolder, 'metrics.jsonl'))) {
    if (step <= after) continue
    const last = metrics.at(-1)
    if (last?.step === step) Object.assign(last.values, values)
    else if (metrics.length === limit) return { metrics, has_more: true }
    else metrics.push({ step, values })
  }
  return { metrics, has_more: false }
}

/** Python writes the file anew when a run goes on, so it is read from its beginning each time. */
async function* reportsOf(path: string): AsyncGenerator<TrainingMetrics> {
  const file = await open(path).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  })
  if (file === undefined) return
  try {
    const { size } = await file.stat()
    for await (const { text } of readLines(file, 0, size)) {
      const report = parseReport(text)
      if (report !== undefined) yield report
    }
  } finally {
    await file.close()
  }
}

function parseReport(text: string): TrainingMetrics | undefined {
  const { data } = MetricsLine.safeParse(parseJson(text))
  if (data === undefined) return undefined
  const { step, ...others } = data
  const numbers = Object.entries(others).filter(isNumber)
  return { step, values: Object.fromEntries(numbers) }
}

function isNumber(entry: [string, unknown]): entry is [string, number] {
  return typeof entry[1] === 'number' && Number.isFinite(entry[1])
}

/** Undefined where a kill left half of a line. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
