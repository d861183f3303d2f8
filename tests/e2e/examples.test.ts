import { execFile, execFileSync } from 'node:child_process'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import {
  EXAMPLE_ADDRESS,
  type Example,
  examples,
  type Operation,
  operations,
  TrainingEvent,
  TrainingJob,
} from '../../schemas/index.ts'
import { PixelLLM } from '../../sdk/src/index.ts'
import { ServerProcess } from '../helpers/server-process.ts'
import { sceneArchive } from '../helpers/training-service.ts'

jest.setTimeout(120_000)

const byId = new Map(operations.map((operation) => [operation.id, operation]))
const inOrder = Object.entries(examples).flatMap(([id, example]) => {
  const operation = byId.get(id)
  return operation === undefined ? [] : [{ id, operation, example }]
})
const describeWithCurl = hasCurl() ? describe : describe.skip

describeWithCurl('the examples of the API reference', () => {
  let folder: string
  let address: string
  let client: PixelLLM
  /** What the replies so far gave the examples, by the names of their variables. */
  const kept: Record<string, string> = {}

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pixelllm-examples-'))
    await symlink(resolve('samples'), join(folder, 'samples'))
    await writeFile(join(folder, 'dataset.tar.gz'), (await sceneArchive(8)).stream())
    const server = await ServerProcess.start()
    address = await server.address()
    client = new PixelLLM({ baseUrl: address })
  })

  afterAll(async () => {
    await ServerProcess.killAll()
    await rm(folder, { recursive: true, force: true })
  })

  /** What a person does or waits for before an example. */
  const before: Readonly<Record<string, () => Promise<unknown>>> = {
    pauseTrainingJob: () => untilStatus('running'),
    resumeTrainingJob: () => untilStatus('paused'),
    cancelTrainingJob: startAgain,
  }

  test.each(inOrder)('$id', async ({ id, operation, example }) => {
    await before[id]?.()

    const output = await run(example)

    check(operation, example, output)
    for (const [name, path] of Object.entries(example.keeps ?? {})) {
      kept[name] = String(fieldOf(JSON.parse(output), path))
    }
  })

  test('the checkpoint that was downloaded is a tar of what was learned', async () => {
    const names = await shell('tar -tf checkpoint.tar')

    expect(names).toMatch(/^step-\d{8}\/training\.safetensors$/m)
  })

  async function untilStatus(status: TrainingJob['status']): Promise<void> {
    for await (const { data } of client.trainingJobs.events(kept.JOB ?? '')) {
      if (data.status === status) return
    }
    throw new Error(`the job has ended and was never ${status}`)
  }

  /** The job of the examples has ended: another one, that can be cancelled. */
  async function startAgain(): Promise<void> {
    const { createTrainingJob } = examples
    if (createTrainingJob === undefined) throw new Error('there is no example that starts a job')
    kept.JOB = TrainingJob.parse(JSON.parse(await run(createTrainingJob))).id
  }

  /** As a person would run it, and failing where the reply is a problem. */
  function run({ source }: Example): Promise<string> {
    return shell(
      source
        .replace('curl ', 'curl --silent --show-error --fail-with-body ')
        .replace(EXAMPLE_ADDRESS, address),
    )
  }

  async function shell(command: string): Promise<string> {
    const { stdout } = await promisify(execFile)('sh', ['-c', command], {
      cwd: folder,
      env: { ...process.env, ...kept },
      maxBuffer: 64 * 2 ** 20,
    })
    return stdout
  }
})

/** That a reply is what the contract says. */
function check({ result, status }: Operation, { source }: Example, output: string): void {
  if (status === 204) expect(output).toBe('')
  else if (source.includes('text/event-stream')) expectEvents(output)
  else if (result !== undefined) {
    expect(result.safeParse(JSON.parse(output)).error).toBeUndefined()
  } else if (!source.includes(' -o ')) expect(output).not.toBe('')
}

/** A stream of a job's events that ends with the job. */
function expectEvents(output: string): void {
  const lines = output.split('\n').filter((line) => line.startsWith('data: '))
  const events = lines.map((line) => TrainingEvent.parse(JSON.parse(line.slice('data: '.length))))
  expect(events.at(-1)?.data).toMatchObject({ status: 'succeeded' })
}

/** For example `models.0.id`. */
function fieldOf(reply: unknown, path: string): unknown {
  return path.split('.').reduce((value, name) => Reflect.get(Object(value), name), reply)
}

function hasCurl(): boolean {
  try {
    execFileSync('curl', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
