import type { ImageSource } from '@pixelllm/sdk'
import { openFile } from '@pixelllm/sdk/node'
import type { Arguments } from './arguments.ts'
import { UsageError } from './usage-error.ts'

const STORED = /^img_[0-9a-f]{32}$/

/** The image of a command line of `count` words, by the path of its file or by its id. */
export async function imageFrom(args: Arguments, count = 1): Promise<ImageSource> {
  const word = args.word('the image', 0, count)
  if (!STORED.test(word)) return openFile(word)
  if (args.flag('open')) throw new UsageError('--open needs the file of the image and not its id')
  return word
}
