import type { Location } from '@pixelllm/sdk'
import type { Arguments } from '../arguments.ts'
import type { Command } from '../command.ts'
import { imageFrom } from '../image.ts'
import { UsageError } from '../usage-error.ts'
import { giveAnswer } from './answer.ts'
import { WRITING_HELP, WRITING_OPTIONS, writingOptions } from './writing.ts'

export const describe: Command = {
  usage: 'IMAGE --box X_MIN,Y_MIN,X_MAX,Y_MAX | --point X,Y',
  summary: 'a sentence about a place in the image',
  help: [
    ['--box X_MIN,Y_MIN,X_MAX,Y_MAX', 'what lies inside, in pixels'],
    ['--point X,Y', 'what lies under it, in pixels'],
    ...WRITING_HELP,
  ],
  options: { ...WRITING_OPTIONS, box: { type: 'string' }, point: { type: 'string' } },
  async run(asked) {
    const location = locationOf(asked.args)
    const image = await imageFrom(asked.args)
    const options = { ...writingOptions(asked), location }
    return giveAnswer(asked, await asked.client.describe(image, options))
  },
}

function locationOf(args: Arguments): Location {
  const point = args.numbers('point', ['X', 'Y'])
  const box = args.numbers('box', ['X_MIN', 'Y_MIN', 'X_MAX', 'Y_MAX'])
  if ((point === undefined) === (box === undefined)) {
    throw new UsageError('describe takes either --box or --point')
  }
  if (point !== undefined) {
    const [x = 0, y = 0] = point
    return { type: 'point', point: [x, y] }
  }
  const [xMin = 0, yMin = 0, xMax = 0, yMax = 0] = box ?? []
  return { type: 'box', box: [xMin, yMin, xMax, yMax] }
}
