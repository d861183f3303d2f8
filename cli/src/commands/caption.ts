import type { Command } from '../command.ts'
import { imageFrom } from '../image.ts'
import { giveAnswer } from './answer.ts'
import { WRITING_HELP, WRITING_OPTIONS, writingOptions } from './writing.ts'

export const caption: Command = {
  usage: 'IMAGE',
  summary: 'a sentence about the image, and the place of every word',
  help: WRITING_HELP,
  options: WRITING_OPTIONS,
  async run(asked) {
    const image = await imageFrom(asked.args)
    return giveAnswer(asked, await asked.client.caption(image, writingOptions(asked)))
  },
}
