import { type Command, print } from '../command.ts'

export const health: Command = {
  usage: '',
  summary: 'whether the server is ready',
  async run(asked) {
    const health = await asked.client.health({ signal: asked.terminal.signal })
    const why = health.ready
      ? 'ready'
      : `not ready: ${health.problem.detail ?? health.problem.title}`
    print(asked, health, [why])
    return health.ready ? 'ok' : 'failed'
  },
}
