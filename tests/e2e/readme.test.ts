import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { type Example, examplesIn, run } from '../../scripts/readme/examples.ts'
import { ServerProcess } from '../helpers/server-process.ts'

jest.setTimeout(120_000)

/** Another processor rounds otherwise: a place may move by this many pixels. */
const TOLERANCE = 0.5

const examples = examplesIn(readFileSync('README.md', 'utf8'))
const describeWithCurl = hasCurl() ? describe : describe.skip

describeWithCurl('the README', () => {
  let address: string

  beforeAll(async () => {
    const server = await ServerProcess.start()
    address = await server.address()
  })

  afterAll(() => ServerProcess.killAll())

  test('begins with a caption', () => {
    expect(examples[0]?.command).toMatch(/^curl -F image=@samples\/\w+\.png http:\S+\/v1\/caption$/)
  })

  test.each(examples)('shows what the server replies: $command', async (example: Example) => {
    const said = withoutWhatVaries(example.reply ?? '')

    const replied = withoutWhatVaries(await run(example, address))

    expect(withoutNumbers(said)).toEqual(withoutNumbers(replied))
    expectClose(numbersIn(said), numbersIn(replied))
  })
})

/**
 * A reply without the day on which a stored image expires, and without the runs of its masks: one
 * pixel that another processor rounds otherwise makes another text of them.
 */
function withoutWhatVaries(reply: string): string {
  return reply.replaceAll(/"expires_at": "[^"]+"|"counts": "[^"]+"/g, '')
}

const NUMBER = /(?<=[:[,]\s?)\d+(?:\.\d+)?/g

function withoutNumbers(reply: string): string {
  return reply.replaceAll(NUMBER, '0')
}

function numbersIn(reply: string): number[] {
  return Array.from(reply.matchAll(NUMBER), ([digits]) => Number(digits))
}

function expectClose(said: number[], replied: number[]): void {
  const furthest = Math.max(0, ...said.map((number, i) => Math.abs(number - (replied[i] ?? NaN))))
  expect(furthest).toBeLessThanOrEqual(TOLERANCE)
}

function hasCurl(): boolean {
  try {
    execFileSync('curl', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
