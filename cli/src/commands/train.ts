import type { Hyperparameters, RecipeName, TrainingJobAsked } from '@pixelllm/sdk'
import type { Arguments } from '../arguments.ts'
import { type Command, print } from '../command.ts'
import { follow } from '../follow.ts'
import { UsageError } from '../usage-error.ts'

const RECIPES: readonly RecipeName[] = [
  'caption_pretrain',
  'trace',
  'ref',
  'refseg',
  'densecap',
  'joint',
  'joint_refseg',
]

export const train: Command = {
  usage: '--recipe NAME --dataset ID',
  summary: 'trains a model; with --follow tells how it goes',
  help: [
    ['--recipe NAME', RECIPES.join(', ')],
    ['--dataset ID', 'what to train on'],
    ['--base-model NAME', 'what to start from; else the default model'],
    ['--set NAME=VALUE', 'a setting of the recipe, for example steps=300; more than once'],
    ['--seed N', 'else 0'],
    ['--name NAME', 'becomes a part of the name of the model'],
    ['--key KEY', 'sent again with the same key it makes no second job'],
    ['--follow', 'tells how it goes until it has ended'],
  ],
  options: {
    recipe: { type: 'string' },
    dataset: { type: 'string' },
    'base-model': { type: 'string' },
    set: { type: 'string', multiple: true },
    seed: { type: 'string' },
    name: { type: 'string' },
    key: { type: 'string' },
    follow: { type: 'boolean' },
  },
  async run(asked) {
    const { args, client, terminal } = asked
    const key = args.text('key')
    const job = await client.trainingJobs.create(jobOf(args), {
      signal: terminal.signal,
      ...(key !== undefined && { idempotencyKey: key }),
    })
    if (args.flag('follow')) {
      if (!asked.json) terminal.out.write(`${job.id}\n`)
      return follow(asked, job.id)
    }
    print(asked, job, [job.id])
    return 'ok'
  },
}

function jobOf(args: Arguments): TrainingJobAsked {
  const dataset = args.text('dataset')
  if (dataset === undefined) throw new UsageError('--dataset is missing')
  const base_model = args.text('base-model')
  const seed = args.number('seed')
  const name = args.text('name')
  return {
    recipe: recipeOf(args.text('recipe')),
    dataset,
    hyperparameters: settingsOf(args.texts('set')),
    ...(base_model !== undefined && { base_model }),
    ...(seed !== undefined && { seed }),
    ...(name !== undefined && { name }),
  }
}

function recipeOf(name: string | undefined): RecipeName {
  const recipe = RECIPES.find((known) => known === name)
  if (recipe === undefined) throw new UsageError(`--recipe takes one of ${RECIPES.join(', ')}`)
  return recipe
}

/** Numbers, `true`, `false` and lists as JSON has them; all else is text. */
function settingsOf(texts: readonly string[]): Hyperparameters {
  return Object.fromEntries(
    texts.map((text) => {
      const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? []
      if (name === undefined || value === undefined) {
        throw new UsageError(`--set takes NAME=VALUE, not ${text}`)
      }
      return [name, parseValue(value)]
    }),
  )
}

function parseValue(text: string): Hyperparameters[string] {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
