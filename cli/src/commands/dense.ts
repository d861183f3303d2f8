import type { DenseCaptionOptions } from '@pixelllm/sdk'
import type { Asked, Command } from '../command.ts'
import { imageFrom } from '../image.ts'
import { ANSWER_HELP, ANSWER_OPTIONS, giveAnswer } from './answer.ts'

export const DENSE_OPTIONS = {
  'max-regions': { type: 'string' },
  'min-score': { type: 'string' },
  'nms-iou': { type: 'string' },
  words: { type: 'boolean' },
  masks: { type: 'boolean' },
} as const

export const dense: Command = {
  usage: 'IMAGE',
  summary: 'what there is in the image: a box and a sentence each',
  help: [
    ['--max-regions N', 'how many at most'],
    ['--min-score S', 'how sure the model must be, 0 to 1'],
    ['--nms-iou S', 'how much two may overlap, 0 to 1'],
    ['--words', 'the place of every word, with --json'],
    ['--masks', 'the pixels of every region'],
    ...ANSWER_HELP,
  ],
  options: { ...ANSWER_OPTIONS, ...DENSE_OPTIONS },
  async run(asked) {
    const image = await imageFrom(asked.args)
    return giveAnswer(asked, await asked.client.denseCaption(image, denseOptions(asked)))
  },
}

export function denseOptions({ args, terminal }: Asked): DenseCaptionOptions {
  const max_regions = args.number('max-regions')
  const min_score = args.number('min-score')
  const nms_iou = args.number('nms-iou')
  const model = args.text('model')
  return {
    signal: terminal.signal,
    words: args.flag('words'),
    masks: args.flag('masks'),
    ...(max_regions !== undefined && { max_regions }),
    ...(min_score !== undefined && { min_score }),
    ...(nms_iou !== undefined && { nms_iou }),
    ...(model !== undefined && { model }),
  }
}
