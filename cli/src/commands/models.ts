import type { Model } from '@pixelllm/sdk'
import { type Command, print } from '../command.ts'
import { table } from '../table.ts'

export const listModels: Command = {
  usage: '',
  summary: 'the models of the server',
  async run(asked) {
    const models = await asked.client.models.list({ signal: asked.terminal.signal })
    print(asked, models, table(models.map(rowOf)))
    return 'ok'
  },
}

export const activateModel: Command = {
  usage: 'NAME',
  summary: 'loads a trained model, so that it can be asked',
  help: [['--default', 'it also answers requests that name no model']],
  options: { default: { type: 'boolean' } },
  async run(asked) {
    const { args, client, terminal } = asked
    const options = { default: args.flag('default'), signal: terminal.signal }
    const model = await client.models.activate(args.word('the model'), options)
    print(asked, model, table([rowOf(model)]))
    return 'ok'
  },
}

export const deactivateModel: Command = {
  usage: 'NAME',
  summary: 'lets go of a trained model',
  async run(asked) {
    const { args, client, terminal } = asked
    const id = args.word('the model')
    const model = await client.models.deactivate(id, { signal: terminal.signal })
    print(asked, model, table([rowOf(model)]))
    return 'ok'
  },
}

export const deleteModel: Command = {
  usage: 'NAME',
  summary: 'deletes a trained model that is not active',
  async run(asked) {
    const { args, client, terminal } = asked
    const id = args.word('the model')
    await client.models.delete(id, { signal: terminal.signal })
    print(asked, { id }, [`${id} is deleted`])
    return 'ok'
  },
}

function rowOf(model: Model): string[] {
  return [
    model.id,
    model.default ? `${model.status}, default` : model.status,
    model.tasks.join(' '),
  ]
}
