import type { Dataset, DatasetDetails } from '@pixelllm/sdk'
import { openFile } from '@pixelllm/sdk/node'
import { type Asked, type Command, type Outcome, print } from '../command.ts'
import { ProgressBar } from '../progress-bar.ts'
import { table } from '../table.ts'

const MEGABYTE = 1_000_000
/** Faults that are shown to people; with --json come all. */
const FAULTS = 20

export const uploadDataset: Command = {
  usage: 'ARCHIVE',
  summary: 'sends a tar, tar.gz or zip of a dataset and waits until it is validated',
  help: [
    ['--name TEXT', 'what to call it'],
    ['--no-wait', 'does not wait until it is validated'],
  ],
  options: { name: { type: 'string' }, 'no-wait': { type: 'boolean' } },
  async run(asked) {
    const { args, client, terminal } = asked
    const archive = await openFile(args.word('the archive'))
    const name = args.text('name')
    const { signal } = terminal
    const bar = new ProgressBar(terminal.err, archive.size, sayMegabytes)
    let sent: Dataset
    try {
      sent = await client.datasets.upload(archive, {
        signal,
        onProgress: (progress) => bar.moveTo(progress.sent),
        ...(name !== undefined && { name }),
      })
    } finally {
      bar.close()
    }
    return finish(asked, sent)
  },
}

export const registerDataset: Command = {
  usage: 'ROOT',
  summary: 'makes a dataset of a folder that the operator of the server has named',
  help: [
    ['--name TEXT', 'what to call it'],
    ['--no-wait', 'does not wait until it is validated'],
  ],
  options: { name: { type: 'string' }, 'no-wait': { type: 'boolean' } },
  async run(asked) {
    const { args, client, terminal } = asked
    const name = args.text('name')
    const request = { root: args.word('the root'), ...(name !== undefined && { name }) }
    return finish(asked, await client.datasets.register(request, { signal: terminal.signal }))
  },
}

export const listDatasets: Command = {
  usage: '',
  summary: 'the datasets, the newest first',
  async run(asked) {
    const { client, terminal } = asked
    const datasets = await client.datasets.list({ signal: terminal.signal }).all()
    const rows = datasets.map(({ id, status, name }) => [id, status, name ?? ''])
    print(asked, datasets, table(rows))
    return 'ok'
  },
}

export const showDataset: Command = {
  usage: 'ID',
  summary: 'what a dataset has, and its faults',
  async run(asked) {
    const { args, client, terminal } = asked
    const id = args.word('the id')
    const dataset = await client.datasets.read(id, { signal: terminal.signal })
    print(asked, dataset, linesOf(dataset))
    return 'ok'
  },
}

export const deleteDataset: Command = {
  usage: 'ID',
  summary: 'deletes a dataset',
  async run(asked) {
    const { args, client, terminal } = asked
    const id = args.word('the id')
    await client.datasets.delete(id, { signal: terminal.signal })
    print(asked, { id }, [`${id} is deleted`])
    return 'ok'
  },
}

async function finish(asked: Asked, sent: Dataset): Promise<Outcome> {
  const { args, client, terminal } = asked
  if (args.flag('no-wait')) {
    print(asked, sent, [sent.id])
    return 'ok'
  }
  const dataset = await client.datasets.wait(sent.id, { signal: terminal.signal })
  print(asked, dataset, linesOf(dataset))
  return dataset.status === 'ready' ? 'ok' : 'failed'
}

function linesOf({ id, status, counts, error_count, errors }: DatasetDetails): string[] {
  const faults = errors.slice(0, FAULTS).map(({ file, line, message }) => {
    return `${file}${line === null ? '' : `:${line}`}: ${message}`
  })
  const more = error_count - faults.length
  return [
    `${id} is ${status}`,
    ...Object.entries(counts ?? {}).map(([name, count]) => `  ${count} ${name.replace('_', ' ')}`),
    ...faults,
    ...(more > 0 ? [`and ${more} more faults`] : []),
  ]
}

function sayMegabytes(bytes: number): string {
  return `${(bytes / MEGABYTE).toFixed(1)} MB`
}
