import type { LocateOptions } from '@pixelllm/sdk'
import type { Asked } from '../command.ts'
import { UsageError } from '../usage-error.ts'

/** What the tasks with a phrase take. */
export function phraseOptions(
  { args, terminal }: Asked,
  phrase: string | undefined,
): LocateOptions {
  const model = args.text('model')
  if (phrase === undefined) throw new UsageError('the phrase is missing')
  return { phrase, signal: terminal.signal, ...(model !== undefined && { model }) }
}
