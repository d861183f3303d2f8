import { once } from 'node:events'
import { type Asked, type Command, type Outcome, print } from '../command.ts'
import { Backend } from '../label-studio/backend.ts'
import type { Credentials } from '../label-studio/credentials.ts'
import { listen } from '../label-studio/listen.ts'
import { TaskImages } from '../label-studio/task-images.ts'
import { UsageError } from '../usage-error.ts'

const HOST = '127.0.0.1'
const PORT = 9090
const MIN_SCORE = 0.5
const LOOPBACK = ['127.0.0.1', '::1', 'localhost']

export const labelStudio: Command = {
  usage: '[--label-studio-url URL]',
  summary: 'gives annotators in Label Studio pre-annotations, until it is interrupted',
  help: [
    ['--label-studio-url URL', 'where Label Studio is, for the files that were uploaded there'],
    ['', 'LABEL_STUDIO_API_KEY is the key of a user, which goes there only'],
    ['--allow-host HOST[:PORT]', 'images may be read from there too; more than once'],
    ['--model NAME', 'the model to ask; else the default one'],
    ['--min-score S', `how sure the model must be of a label, 0 to 1; else ${MIN_SCORE}`],
    ['--host HOST', `where to listen; else ${HOST}`],
    ['--port N', `else ${PORT}; 0 for a free one`],
    ['', 'BASIC_AUTH_USER and BASIC_AUTH_PASS are what Label Studio has to know'],
  ],
  options: {
    'label-studio-url': { type: 'string' },
    'allow-host': { type: 'string', multiple: true },
    model: { type: 'string' },
    'min-score': { type: 'string' },
    host: { type: 'string' },
    port: { type: 'string' },
  },
  async run(asked) {
    const { args, client, terminal } = asked
    const log = (line: string): void => void terminal.err.write(`${line}\n`)
    const host = args.text('host') ?? HOST
    const credentials = credentialsFrom(asked)
    const backend = new Backend({
      client,
      images: imagesFrom(asked),
      model: args.text('model'),
      minScore: shareFrom(asked, 'min-score') ?? MIN_SCORE,
      log,
    })
    if (credentials === undefined && !LOOPBACK.includes(host)) {
      log('everybody who reaches this address may ask: set BASIC_AUTH_USER and BASIC_AUTH_PASS')
    }
    const listening = await listen(backend, { host, port: portFrom(asked), credentials, log })
    try {
      const { address } = listening
      print(asked, { address }, [`the backend for Label Studio listens on ${address}`])
      return await untilInterrupted(terminal.signal)
    } finally {
      await listening.close()
    }
  },
}

async function untilInterrupted(signal: AbortSignal): Promise<Outcome> {
  if (!signal.aborted) await once(signal, 'abort')
  throw signal.reason
}

function imagesFrom({ args, terminal }: Asked): TaskImages {
  const labelStudioUrl = args.text('label-studio-url')
  const allowedHosts = args.texts('allow-host').map((host) => host.toLowerCase())
  if (labelStudioUrl !== undefined && !isWebAddress(labelStudioUrl)) {
    throw new UsageError(`--label-studio-url takes an address of http, not ${labelStudioUrl}`)
  }
  if (allowedHosts.some((host) => host.includes('/'))) {
    throw new UsageError('--allow-host takes the name of a host, for example images.example.com')
  }
  return new TaskImages({
    labelStudioUrl,
    apiKey: terminal.env.LABEL_STUDIO_API_KEY?.trim(),
    allowedHosts,
  })
}

function isWebAddress(address: string): boolean {
  return /^https?:/.test(address) && URL.canParse(address)
}

function credentialsFrom({ terminal }: Asked): Credentials | undefined {
  const { BASIC_AUTH_USER: user = '', BASIC_AUTH_PASS: password = '' } = terminal.env
  if ((user === '') !== (password === '')) {
    throw new UsageError('of BASIC_AUTH_USER and BASIC_AUTH_PASS one is missing')
  }
  return user === '' ? undefined : { user, password }
}

function portFrom({ args }: Asked): number {
  const port = args.number('port') ?? PORT
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port
  throw new UsageError(`--port takes a number up to 65535, not ${port}`)
}

function shareFrom({ args }: Asked, name: string): number | undefined {
  const share = args.number(name)
  if (share === undefined || (share >= 0 && share <= 1)) return share
  throw new UsageError(`--${name} takes a number from 0 to 1, not ${share}`)
}
