import { execFile, execFileSync } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { EXAMPLE_ADDRESS, examples, type Operation, operations } from '../../schemas/index.ts'
import { ServerProcess } from '../helpers/server-process.ts'

jest.setTimeout(120_000)

/**
 * The operations whose examples are not run, because this server has no route for them. As soon as
 * one has, its test below fails: then it leaves this list, and what its example needs is made ready.
 */
const NOT_RUN: ReadonlySet<string> = new Set([
  'createDataset',
  'listDatasets',
  'readDataset',
  'deleteDataset',
  'createTrainingJob',
  'listTrainingJobs',
  'readTrainingJob',
  'cancelTrainingJob',
  'pauseTrainingJob',
  'resumeTrainingJob',
  'listTrainingEvents',
  'listTrainingMetrics',
  'listTrainingCheckpoints',
  'downloadTrainingCheckpoint',
  'readModel',
  'activateModel',
  'deactivateModel',
  'deleteModel',
])

const byId = new Map(operations.map((operation) => [operation.id, operation]))
const inOrder = Object.keys(examples).flatMap((id) => byId.get(id) ?? [])
const describeWithCurl = hasCurl() ? describe : describe.skip

describeWithCurl('the examples of the API reference', () => {
  let address: string
  const kept: Record<string, string> = {}

  beforeAll(async () => {
    const server = await ServerProcess.start()
    address = await server.address()
  })

  afterAll(() => ServerProcess.killAll())

  test.each(inOrder.filter(({ id }) => !NOT_RUN.has(id)))('$id', async (operation: Operation) => {
    const { source, keeps = {} } = examples[operation.id] ?? { source: '' }

    const output = await run(source)

    if (operation.result !== undefined) {
      const reply = JSON.parse(output)
      expect(operation.result.safeParse(reply).error).toBeUndefined()
      for (const [name, path] of Object.entries(keeps)) kept[name] = String(fieldOf(reply, path))
    } else if (operation.status !== 204) {
      expect(output).not.toBe('')
    }
  })

  test.each(inOrder.filter(({ id }) => NOT_RUN.has(id)))(
    '$id is not run: there is no route yet',
    async ({ method, path }) => {
      const reply = await fetch(address + path.replaceAll(/\{\w+\}/g, 'x'), { method })

      expect(await reply.json()).toMatchObject({
        code: expect.stringMatching(/^(not_found|method_not_allowed)$/),
      })
    },
  )

  /** As a person would run it, and failing where the reply is a problem. */
  async function run(source: string): Promise<string> {
    const here = source
      .replace('curl ', 'curl --silent --show-error --fail-with-body ')
      .replace(EXAMPLE_ADDRESS, address)
    const { stdout } = await promisify(execFile)('sh', ['-c', here], {
      env: { ...process.env, ...kept },
      maxBuffer: 64 * 2 ** 20,
    })
    return stdout
  }
})

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
