import { writeFile } from 'node:fs/promises'
import { decodeMask } from '@pixelllm/sdk'
import type { Command } from '../command.ts'
import { imageFrom } from '../image.ts'
import { encodePng } from '../png.ts'
import { ANSWER_HELP, ANSWER_OPTIONS, giveAnswer } from './answer.ts'
import { phraseOptions } from './phrase.ts'

export const segment: Command = {
  usage: 'IMAGE PHRASE [--png FILE]',
  summary: 'the box and the pixels of what a phrase refers to',
  help: [['--png FILE', 'writes the mask as a picture, white on black'], ...ANSWER_HELP],
  options: { ...ANSWER_OPTIONS, png: { type: 'string' } },
  async run(asked) {
    const options = phraseOptions(asked, asked.args.words[1])
    const image = await imageFrom(asked.args, 2)
    const answer = await asked.client.segment(image, options)
    const file = asked.args.text('png')
    if (file !== undefined) {
      const [height, width] = answer.mask.size
      await writeFile(file, encodePng(decodeMask(answer.mask), width, height))
    }
    return giveAnswer(asked, answer)
  },
}
