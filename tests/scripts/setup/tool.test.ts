import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ToolError } from '../../../scripts/setup/failure.mjs'
import { runTool } from '../../../scripts/setup/tool.mjs'

let folder: string
let log: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tool-'))
  log = join(folder, 'log')
})

afterEach(() => rmSync(folder, { recursive: true }))

const sh = (script: string) => ['/bin/sh', '-c', script]
const place = () => ({ name: 'sh', cwd: folder, log })

describe('a tool that set-up runs', () => {
  test('has its output in the log, and its lines passed on', async () => {
    const lines: string[] = []

    await runTool(sh('echo out; echo err >&2'), { ...place(), onLine: (line) => lines.push(line) })

    expect(lines.sort()).toEqual(['err', 'out'])
    expect(readFileSync(log, 'utf8')).toMatch(/\$ \/bin\/sh -c .*\n(out\nerr|err\nout)\n/)
  })

  test('fails with its exit code and its last lines, the unfinished one included', async () => {
    const failure = runTool(sh('echo first; printf last; exit 3'), place())

    await expect(failure).rejects.toThrow('sh ended with exit code 3')
    await expect(failure).rejects.toMatchObject({ output: ['first', 'last'] })
  })

  test('fails with exit code 0 too where a line means failure', async () => {
    const failure = runTool(sh('echo "npm warn tar TAR_ENTRY_ERROR"'), {
      ...place(),
      failure: /TAR_ENTRY_ERROR/,
    })

    await expect(failure).rejects.toBeInstanceOf(ToolError)
  })

  test('that is not there fails by its name', async () => {
    await expect(runTool(['no-such-tool'], place())).rejects.toThrow('no-such-tool')
  })

  test('is ended with all it started when set-up is stopped', async () => {
    const stopping = new AbortController()
    const began: (number | undefined)[] = []
    const ended = runTool(sh('sleep 60 & echo begun; wait'), {
      ...place(),
      signal: stopping.signal,
      onStart: (pid) => began.push(pid),
      onLine: () => stopping.abort(new Error('stopped by a person')),
    })

    // It ends only when nobody holds its output any more: the sleep is gone too.
    await expect(ended).rejects.toThrow('sh ended with SIGTERM')

    expect(began).toEqual([expect.any(Number), undefined])
  })
})
