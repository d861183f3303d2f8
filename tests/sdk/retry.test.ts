import { createServer } from 'node:http'
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { problemOf, ApiError as ServerError } from '../../api/errors.ts'
import type { ErrorCode } from '../../schemas/index.ts'
import { ApiError } from '../../sdk/src/api-error.ts'
import { ConnectionError, PixelLLM, UnexpectedReplyError } from '../../sdk/src/index.ts'
import { delayBeforeRetry, readRetryAfter } from '../../sdk/src/retry.ts'

const image = new Uint8Array([1])

/** Answers of a server, one for each request, the last one again for those behind it. */
function scripted(...answers: (Response | Error)[]) {
  const sent: Request[] = []
  const fetch = async (request: Request): Promise<Response> => {
    const answer = answers[Math.min(sent.length, answers.length - 1)]
    sent.push(request)
    if (answer instanceof Response) return answer.clone()
    throw answer
  }
  return { sent, client: new PixelLLM({ baseUrl: 'http://server.test', fetch }) }
}

function refusal(code: ErrorCode, headers: Record<string, string> = {}): Response {
  const problem = problemOf(new ServerError(code, `it is ${code}`))
  return Response.json(problem, { status: problem.status, headers })
}

const captioned = () => Response.json({ caption: 'a circle', words: [] })
const broken = () => new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') })

/** Lets the pauses between tries pass. */
async function settled<Result>(asked: Promise<Result>): Promise<Result> {
  asked.catch(() => undefined)
  await jest.advanceTimersByTimeAsync(300_000)
  return asked
}

beforeEach(() => void jest.useFakeTimers())
afterEach(() => void jest.useRealTimers())

describe('a request', () => {
  test('is sent again while the server says that this can help', async () => {
    const { client, sent } = scripted(refusal('queue_full'), refusal('worker_crashed'), captioned())

    const result = await settled(client.caption(image))

    expect(result.caption).toBe('a circle')
    expect(sent).toHaveLength(3)
  })

  test('is sent again with its whole form', async () => {
    const { client, sent } = scripted(refusal('queue_full'), captioned())

    await settled(client.caption(image, { prefix: 'a' }))

    for (const request of sent) expect((await request.formData()).get('prefix')).toBe('a')
  })

  test('is given up after so many tries', async () => {
    const { client, sent } = scripted(refusal('queue_full'))

    await expect(settled(client.caption(image))).rejects.toMatchObject({ code: 'queue_full' })
    await expect(settled(client.caption(image, { retries: 4 }))).rejects.toThrow('queue_full')

    expect(sent).toHaveLength(3 + 5)
  })

  test.each(['invalid_request', 'internal', 'storage_full'] as const)(
    'is not sent again after %s',
    async (code) => {
      const { client, sent } = scripted(refusal(code))

      await expect(settled(client.caption(image))).rejects.toMatchObject({ code })

      expect(sent).toHaveLength(1)
    },
  )

  test('is sent again where the server cannot be reached', async () => {
    const { client, sent } = scripted(broken(), captioned())

    await settled(client.caption(image))

    expect(sent).toHaveLength(2)
  })

  test('that changes a job is sent again where nothing was done', async () => {
    const { client, sent } = scripted(refusal('queue_unavailable'), Response.json({}))

    await settled(client.trainingJobs.pause('job_1'))

    expect(sent).toHaveLength(2)
  })

  test.each([
    {
      what: 'changes a job',
      ask: (client: PixelLLM): Promise<unknown> => client.trainingJobs.resume('job_1'),
    },
    {
      what: 'deletes',
      ask: (client: PixelLLM): Promise<unknown> => client.models.delete('tiny-ft'),
    },
  ])('that $what is not sent again where it may have been done', async ({ ask }) => {
    const { client, sent } = scripted(broken())

    await expect(settled(ask(client))).rejects.toBeInstanceOf(ConnectionError)

    expect(sent).toHaveLength(1)
  })

  test('for a job keeps its key when it is sent again', async () => {
    const { client, sent } = scripted(broken(), refusal('shutting_down'), Response.json({}))
    const asked = { recipe: 'ref', dataset: 'ds_1' } as const

    await settled(client.trainingJobs.create(asked))
    await settled(client.trainingJobs.create(asked))

    const keys = sent.map(({ headers }) => headers.get('idempotency-key'))
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/)
    expect(keys.slice(0, 3)).toEqual([keys[0], keys[0], keys[0]])
    expect(keys[3]).not.toBe(keys[0])
  })

  test('is not sent again when it is aborted meanwhile', async () => {
    const { client, sent } = scripted(refusal('queue_full'))
    const stop = new AbortController()

    const asked = client.caption(image, { signal: stop.signal })
    asked.catch(() => undefined)
    await jest.advanceTimersByTimeAsync(0)
    stop.abort(new Error('enough'))

    await expect(asked).rejects.toThrow('enough')
    expect(sent).toHaveLength(1)
  })

  test('is not sent at all when it is aborted before', async () => {
    const { client, sent } = scripted(captioned())

    await expect(client.caption(image, { signal: AbortSignal.abort() })).rejects.toThrow()

    expect(sent).toHaveLength(0)
  })
})

describe('what does not come from the server', () => {
  test('is told from what does', async () => {
    const page = new Response('<html>Bad\n gateway</html>', { status: 502 })
    const { client, sent } = scripted(page)

    const error = await settled(client.caption(image)).catch((reason: unknown) => reason)

    expect(error).toBeInstanceOf(UnexpectedReplyError)
    expect(error).toMatchObject({ status: 502, message: expect.stringContaining('Bad gateway') })
    expect(sent).toHaveLength(3)
  })

  test('is no answer even where it says that all is well', async () => {
    const { client } = scripted(new Response('<html>Welcome</html>'))

    await expect(client.models.list()).rejects.toBeInstanceOf(UnexpectedReplyError)
  })

  test('says why the server cannot be reached', async () => {
    jest.useRealTimers()
    const server = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : undefined
    await new Promise((resolve) => server.close(resolve))

    const client = new PixelLLM({ baseUrl: `http://127.0.0.1:${port}`, retries: 0 })

    await expect(client.models.list()).rejects.toThrow(
      `the connection to the server failed: connect ECONNREFUSED 127.0.0.1:${port}`,
    )
  })
})

describe('the pause before the next try', () => {
  const full = new ApiError({
    type: 'about:blank',
    title: 'The queue is full',
    status: 503,
    code: 'queue_full',
  })

  test.each([
    { tries: 0, least: 250, most: 500 },
    { tries: 1, least: 500, most: 1000 },
    { tries: 20, least: 4000, most: 8000 },
  ])('is partly left to chance and grows to a limit ($tries)', ({ tries, least, most }) => {
    const pauses = Array.from({ length: 50 }, () => delayBeforeRetry(full, 'freely', tries) ?? 0)

    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(least)
    expect(Math.max(...pauses)).toBeLessThanOrEqual(most)
    expect(new Set(pauses).size).toBeGreaterThan(1)
  })

  test('is at least what the server asks for', async () => {
    const { client, sent } = scripted(refusal('queue_full', { 'retry-after': '7' }), captioned())

    const asked = client.caption(image)
    await jest.advanceTimersByTimeAsync(6_900)
    expect(sent).toHaveLength(1)
    await jest.advanceTimersByTimeAsync(700)

    await asked
    expect(sent).toHaveLength(2)
  })

  test('is not made where the server asks for too long a one', () => {
    const later = new ApiError(full.problem, 3_600_000)

    expect(delayBeforeRetry(later, 'freely', 0)).toBeUndefined()
  })

  test.each([
    { header: '2', ms: 2000 },
    { header: 'Thu, 01 Jan 1970 00:00:05 GMT', ms: 4000 },
    { header: 'Thu, 01 Jan 1970 00:00:00 GMT', ms: 0 },
    { header: 'soon', ms: undefined },
    { header: '', ms: undefined },
    { header: null, ms: undefined },
  ])('is read from seconds and from dates: $header', ({ header, ms }) => {
    jest.setSystemTime(1000)

    expect(readRetryAfter(header)).toBe(ms)
  })
})
