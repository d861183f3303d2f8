import type { Answer, Box, Word } from '@pixelllm/sdk'
import { placesOf } from '@pixelllm/sdk'
import { type Asked, type Outcome, print } from '../command.ts'
import { showAnswer } from '../show-answer.ts'
import { table } from '../table.ts'

/** Options of every command with one image. */
export const ANSWER_OPTIONS = {
  model: { type: 'string' },
  open: { type: 'boolean' },
} as const

export const ANSWER_HELP = [
  ['--model NAME', 'the model to ask; else the default one'],
  ['--open', 'shows the picture with the answer on it'],
] as const

/** Writes an answer, and shows it where that is asked for. */
export async function giveAnswer(asked: Asked, answer: Answer): Promise<Outcome> {
  print(asked, answer, [...titleOf(answer), ...table(rowsOf(answer))])
  const [path = ''] = asked.args.words
  if (asked.args.flag('open')) await showAnswer(path, answer, asked.terminal)
  return 'ok'
}

function titleOf(answer: Answer): string[] {
  return 'caption' in answer ? [`${answer.caption}  (${answer.score.toFixed(2)})`] : []
}

function rowsOf(answer: Answer): string[][] {
  if ('words' in answer && answer.phrases === undefined) return answer.words.map(rowOfWord)
  return placesOf(answer).map(({ label, box, score }) => [label, sayBox(box), score.toFixed(2)])
}

function rowOfWord({ text, point: [x, y], score }: Word): string[] {
  return [text, `${x.toFixed(1)},${y.toFixed(1)}`, score.toFixed(2)]
}

function sayBox(box: Box): string {
  return box.map((edge) => edge.toFixed(1)).join(',')
}
