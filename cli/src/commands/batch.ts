import { resolve } from 'node:path'
import type { Answer, ImageSource, PixelLLM } from '@pixelllm/sdk'
import { openFile } from '@pixelllm/sdk/node'
import { AnswersFile } from '../answers-file.ts'
import { type Asked, type Command, type Outcome, print } from '../command.ts'
import { concernsOneImage } from '../one-image.ts'
import { picturesIn } from '../pictures.ts'
import { ProgressBar } from '../progress-bar.ts'
import { UsageError } from '../usage-error.ts'
import { workOff } from '../work-off.ts'
import { DENSE_OPTIONS, denseOptions } from './dense.ts'
import { phraseOptions } from './phrase.ts'
import { WRITING_OPTIONS, writingOptions } from './writing.ts'

const CONCURRENCY = 4

type Ask = (client: PixelLLM, image: ImageSource) => Promise<Answer>

/** The tasks that need nothing but an image, or one phrase for all of them. */
const tasks: Readonly<Record<string, (asked: Asked) => Ask>> = {
  caption: (asked) => {
    const options = writingOptions(asked)
    return (client, image) => client.caption(image, options)
  },
  dense: (asked) => {
    const options = denseOptions(asked)
    return (client, image) => client.denseCaption(image, options)
  },
  locate: (asked) => {
    const options = phraseOptions(asked, asked.args.text('phrase'))
    return (client, image) => client.locate(image, options)
  },
  segment: (asked) => {
    const options = phraseOptions(asked, asked.args.text('phrase'))
    return (client, image) => client.segment(image, options)
  },
}

export const batch: Command = {
  usage: 'FOLDER --out ANSWERS.jsonl',
  summary: 'asks about every picture of a folder; started again, it goes on',
  help: [
    ['--out FILE', 'a line for each picture: { image, task, answer }'],
    ['--task NAME', `${Object.keys(tasks).join(', ')}; else caption`],
    ['--phrase TEXT', 'for locate and segment'],
    ['--concurrency N', `pictures to ask about at once; else ${CONCURRENCY}`],
    ['', 'and the options of the task, see pixelllm caption --help'],
  ],
  options: {
    ...WRITING_OPTIONS,
    ...DENSE_OPTIONS,
    out: { type: 'string' },
    task: { type: 'string' },
    phrase: { type: 'string' },
    concurrency: { type: 'string' },
  },
  async run(asked) {
    const { args } = asked
    const task = args.text('task') ?? 'caption'
    const ask = tasks[task]?.(asked)
    if (ask === undefined) throw new UsageError(`--task takes ${Object.keys(tasks).join(', ')}`)
    const out = args.text('out')
    if (out === undefined) throw new UsageError('--out is missing: the file for the answers')
    const pictures = await picturesIn(args.word('the folder'))
    const answers = await AnswersFile.open(out, task)
    try {
      return await askAll(asked, pictures, answers, ask)
    } finally {
      await answers.close()
    }
  },
}

async function askAll(
  asked: Asked,
  pictures: readonly string[],
  answers: AnswersFile,
  ask: Ask,
): Promise<Outcome> {
  const { args, client, terminal } = asked
  const folder = args.word('the folder')
  const left = pictures.filter((picture) => !answers.has(picture))
  const bar = new ProgressBar(terminal.err, left.length)
  const failed: string[] = []

  const askOne = async (picture: string): Promise<void> => {
    try {
      const image = await openFile(resolve(folder, picture))
      await answers.add(picture, await ask(client, image))
    } catch (error) {
      if (terminal.signal.aborted || !concernsOneImage(error)) throw error
      failed.push(picture)
      bar.say(`${picture}: ${error.message}`)
    }
    bar.advance()
  }

  try {
    await workOff(left, args.number('concurrency') ?? CONCURRENCY, askOne)
  } finally {
    bar.close()
  }
  const counts = {
    answered: left.length - failed.length,
    skipped: pictures.length - left.length,
    failed,
  }
  const { answered, skipped } = counts
  print(asked, counts, [`${answered} answered, ${skipped} skipped, ${failed.length} failed`])
  return failed.length === 0 ? 'ok' : 'failed'
}
