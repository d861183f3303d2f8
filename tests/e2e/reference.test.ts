import { execFile, execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { operations } from '../../schemas/index.ts'
import { ServerProcess } from '../helpers/server-process.ts'

jest.setTimeout(120_000)

const browser = ['chromium', 'chromium-browser', 'google-chrome'].find(canRun)
const describeWithBrowser = browser === undefined ? describe.skip : describe

describeWithBrowser('the API reference in a browser that reaches this server alone', () => {
  let page: string
  let messages: string[]
  let paths: string[]

  beforeAll(async () => {
    const server = await ServerProcess.start()
    const profile = await mkdtemp(join(tmpdir(), 'pixelllm-browser-'))
    const { stdout, stderr } = await promisify(execFile)(
      browser ?? '',
      [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-dev-shm-usage',
        `--user-data-dir=${profile}`,
        '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
        '--enable-logging=stderr',
        '--virtual-time-budget=20000', // of the page's clock, which runs ahead while it waits
        '--window-size=1300,4000',
        '--dump-dom',
        `${await server.address()}/docs`,
      ],
      { timeout: 90_000, maxBuffer: 64 * 2 ** 20 },
    )
    await rm(profile, { recursive: true, force: true })
    page = stdout
    messages = stderr.split('\n').filter((line) => line.includes('CONSOLE'))
    server.signal('SIGTERM')
    const log = (await server.exited).stderr
    paths = Array.from(log.matchAll(/"path":"([^"]+)"/g), ([, path = '']) => path)
  })

  afterAll(() => ServerProcess.killAll())

  test('shows the operations and how to ask them', () => {
    for (const { summary } of operations.filter(({ tag }) => tag === 'tasks')) {
      expect(page).toContain(summary)
    }
    expect(page).toContain('/v1/caption')
    expect(page).toContain('samples/harbour.png')
  })

  test('breaks no policy and misses no file', () => {
    const complaints = messages.filter((line) =>
      /Content Security Policy|Refused to|ERR_|Failed to load|Uncaught/.test(line),
    )

    // Browsers ask for an icon by themselves.
    expect(complaints.filter((line) => !line.includes('favicon.ico'))).toEqual([])
    expect(new Set(paths)).toEqual(
      new Set(['/docs', '/docs/scalar.js', '/docs/start.js', '/openapi.json', '/favicon.ico']),
    )
  })
})

function canRun(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
