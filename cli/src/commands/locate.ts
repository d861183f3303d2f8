import type { Command } from '../command.ts'
import { imageFrom } from '../image.ts'
import { ANSWER_HELP, ANSWER_OPTIONS, giveAnswer } from './answer.ts'
import { phraseOptions } from './phrase.ts'

export const locate: Command = {
  usage: 'IMAGE PHRASE',
  summary: 'the box of what a phrase refers to',
  help: ANSWER_HELP,
  options: ANSWER_OPTIONS,
  async run(asked) {
    const options = phraseOptions(asked, asked.args.words[1])
    const image = await imageFrom(asked.args, 2)
    return giveAnswer(asked, await asked.client.locate(image, options))
  },
}
