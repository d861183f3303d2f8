import type { CaptionOptions, Ground } from '@pixelllm/sdk'
import type { Arguments } from '../arguments.ts'
import type { Asked } from '../command.ts'
import { UsageError } from '../usage-error.ts'
import { ANSWER_HELP, ANSWER_OPTIONS } from './answer.ts'

/** Options of the tasks that write a caption. */
export const WRITING_OPTIONS = {
  ...ANSWER_OPTIONS,
  prefix: { type: 'string' },
  'max-tokens': { type: 'string' },
  beams: { type: 'string' },
  ground: { type: 'string' },
} as const

export const WRITING_HELP = [
  ['--prefix TEXT', 'what the caption begins with'],
  ['--max-tokens N', 'how long it may be'],
  ['--beams N', 'captions to follow at once, 1 to 8'],
  ['--ground box|mask', 'what the noun phrases stand for'],
  ...ANSWER_HELP,
] as const

export function writingOptions({ args, terminal }: Asked): CaptionOptions {
  const prefix = args.text('prefix')
  const max_tokens = args.number('max-tokens')
  const beams = args.number('beams')
  const model = args.text('model')
  const ground = groundOf(args)
  return {
    signal: terminal.signal,
    ...(prefix !== undefined && { prefix }),
    ...(max_tokens !== undefined && { max_tokens }),
    ...(beams !== undefined && { beams }),
    ...(model !== undefined && { model }),
    ...(ground !== undefined && { ground }),
  }
}

function groundOf(args: Arguments): Ground | undefined {
  const ground = args.text('ground')
  if (ground === undefined || ground === 'box' || ground === 'mask') return ground
  throw new UsageError(`--ground takes box or mask, not ${ground}`)
}
