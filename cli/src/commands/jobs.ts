import type { TrainingJob } from '@pixelllm/sdk'
import { type Command, print } from '../command.ts'
import { follow } from '../follow.ts'
import { table } from '../table.ts'

export const listJobs: Command = {
  usage: '',
  summary: 'the training jobs, the newest first',
  async run(asked) {
    const { client, terminal } = asked
    const jobs = await client.trainingJobs.list({ signal: terminal.signal }).all()
    print(asked, jobs, table(jobs.map(rowOf)))
    return 'ok'
  },
}

export const showJob: Command = {
  usage: 'ID',
  summary: 'how a training job is',
  async run(asked) {
    const { args, client, terminal } = asked
    const job = await client.trainingJobs.read(args.word('the id'), { signal: terminal.signal })
    const error = job.error === null ? [] : [`${job.error.message} (${job.error.code})`]
    print(asked, job, [...table([rowOf(job)]), ...error])
    return 'ok'
  },
}

export const followJob: Command = {
  usage: 'ID',
  summary: 'tells what happens to a training job until it has ended',
  help: [['--after N', 'begins behind the event of this number']],
  options: { after: { type: 'string' } },
  run(asked) {
    return follow(asked, asked.args.word('the id'), asked.args.number('after'))
  },
}

export const cancelJob = change('cancel', 'ends a training job')
export const pauseJob = change('pause', 'saves a training job and lets it wait')
export const resumeJob = change('resume', 'goes on with a paused training job')

function change(name: 'cancel' | 'pause' | 'resume', summary: string): Command {
  return {
    usage: 'ID',
    summary,
    async run(asked) {
      const { args, client, terminal } = asked
      const id = args.word('the id')
      const job = await client.trainingJobs[name](id, { signal: terminal.signal })
      print(asked, job, table([rowOf(job)]))
      return 'ok'
    },
  }
}

function rowOf({ id, status, requested, recipe, progress, model }: TrainingJob): string[] {
  const asked = requested === null ? status : `${status}, asked to ${requested}`
  const step = progress === null ? '' : `step ${progress.step} of ${progress.steps}`
  return [id, asked, recipe, step, model ?? '']
}
