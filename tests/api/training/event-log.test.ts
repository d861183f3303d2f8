import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { EventLog } from '../../../api/training/event-log.ts'

let folder: string
let path: string
let log: EventLog

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelllm-events-'))
  path = join(folder, 'events.jsonl')
  await writeFile(path, line('status', { status: 'queued' }))
  log = new EventLog(path)
})

afterEach(() => rm(folder, { recursive: true }))

function line(type: string, data: unknown, message = 'é'): string {
  return `${JSON.stringify({ at: '2026-01-01T00:00:00.000Z', level: 'info', type, message, data })}\n`
}

function note(number: number): string {
  return line('message', { number }, 'x'.repeat(number % 90))
}

test('hears what others append', async () => {
  expect((await log.read()).status).toBe('queued')

  await appendFile(path, line('status', { status: 'running' }))

  expect((await log.read()).status).toBe('running')
})

test('takes a line only when it is whole', async () => {
  const whole = line('status', { status: 'running' })
  await appendFile(path, whole.slice(0, 20))
  expect((await log.read()).status).toBe('queued')

  await appendFile(path, whole.slice(20))

  expect((await log.read()).status).toBe('running')
})

test('gives a line that was cut short its number, and skips it', async () => {
  await appendFile(path, '{"at": "2026-')

  await log.append({ level: 'info', type: 'message', message: 'after it', data: {} })

  expect(await log.page(0, 10)).toMatchObject({
    events: [{ id: 1 }, { id: 3, message: 'after it' }],
  })
})

test('writes its line whole beside others who are cut short', async () => {
  await log.read()
  const cuts = Array.from({ length: 200 }, () => appendFile(path, '{"cut'))
  const appends = Array.from({ length: 20 }, (_, number) =>
    new EventLog(path).append({ level: 'info', type: 'message', message: 'm', data: { number } }),
  )
  await Promise.all([...cuts, ...appends])

  const { events } = await log.page(1, 1000)

  expect(new Set(events.map(({ data }) => data.number)).size).toBe(20)
})

test('skips what is no event, and what is void', async () => {
  await appendFile(path, `null\n{"type":"status"}\n\n${line('status', { status: 'succeeded' })}`)
  await appendFile(path, line('message', {}, 'last'))

  const { events } = await log.page(0, 10)

  expect(events.map(({ id }) => id)).toEqual([1, 6])
})

test.each([1, 7, 63, 64, 65, 200, 1000])('pages of %d have every event once', async (limit) => {
  const count = 1000
  await appendFile(path, Array.from({ length: count - 1 }, (_, i) => note(i)).join(''))

  const ids: number[] = []
  for (let more = true; more; ) {
    const { events, has_more } = await log.page(ids.at(-1) ?? 0, limit)
    ids.push(...events.map(({ id }) => id))
    more = has_more
  }

  expect(ids).toEqual(Array.from({ length: count }, (_, i) => i + 1))
})

test('has nothing behind its end', async () => {
  expect(await log.page(1, 10)).toEqual({ events: [], has_more: false })
  expect(await log.page(1000, 10)).toEqual({ events: [], has_more: false })
})

test('reads lines that are longer than what it reads in one go', async () => {
  await appendFile(path, line('message', { long: 'ü'.repeat(400_000) }))
  await appendFile(path, line('status', { status: 'running' }))

  expect((await log.read()).status).toBe('running')
})

test('loses no event of many who append at once', async () => {
  const writers = Array.from({ length: 50 }, (_, number) =>
    new EventLog(path).append({ level: 'info', type: 'message', message: 'm', data: { number } }),
  )
  await Promise.all(writers)

  const { events } = await log.page(0, 1000)

  const numbers = events.slice(1).map(({ data }) => Number(data.number))
  expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i))
})

test('of two statuses that race, the first counts for everybody', async () => {
  const other = new EventLog(path)
  const states = await Promise.all([
    log.append({ level: 'info', type: 'status', message: 'a', data: { status: 'cancelled' } }),
    other.append({ level: 'info', type: 'status', message: 'b', data: { status: 'paused' } }),
  ])

  expect((await log.read()).status).toBe((await other.read()).status)
  expect(states.map(({ status }) => status)).toContain((await log.read()).status)
})

test('does not begin again a run that was deleted', async () => {
  await rm(path)

  const appended = log.append({ level: 'info', type: 'message', message: 'm', data: {} })

  await expect(appended).rejects.toMatchObject({ code: 'ENOENT' })
  await expect(readFile(path)).rejects.toMatchObject({ code: 'ENOENT' })
})
