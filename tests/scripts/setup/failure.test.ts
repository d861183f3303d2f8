import { adviceFor, SetupError, ToolError } from '../../../scripts/setup/failure.mjs'

/** What the tools really said, on a machine where this was made to happen. */
const seen: [string, string, RegExp][] = [
  [
    'npm on a full disk',
    'npm warn tar TAR_ENTRY_ERROR ENOSPC: no space left on device, write',
    /disk is full/,
  ],
  [
    'pip on a full disk',
    'ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device',
    /disk is full/,
  ],
  [
    'npm without a network',
    'npm error code ECONNREFUSED\nnpm error network request to http://127.0.0.1:9/yaml failed',
    /registry cannot be reached/,
  ],
  [
    'pip without a network',
    "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError('Failed to establish a new connection: [Errno 111] Connection refused')': /simple/torch/\nERROR: No matching distribution found for torch==2.13.0",
    /registry cannot be reached/,
  ],
  [
    'pip with a Python that has no builds',
    'ERROR: Could not find a version that satisfies the requirement torch==2.13.0 (from versions: none)',
    /no build of a pinned package/,
  ],
  [
    'Debian without python3-venv',
    'The virtual environment was not created successfully because ensurepip is not available.',
    /apt install python3-venv/,
  ],
  ['a folder of somebody else', 'npm error code EACCES', /may not be written/],
  ['a Node.js without npm', 'Error: spawn npm ENOENT', /npm is not on the path/],
  [
    'a source that does not compile',
    "api/app.ts(3,1): error TS2304: Cannot find name 'x'.",
    /build failed/,
  ],
]

describe('the sentence after a failure', () => {
  test.each(seen)('for %s says what to do', (_name, output, sentence) => {
    const error = new ToolError('tool', { code: 1, signal: null, output: output.split('\n') })

    expect(adviceFor(error)).toMatch(sentence)
  })

  test('names memory where the system ended a tool', () => {
    const error = new ToolError('pip', { code: null, signal: 'SIGKILL', output: [] })

    expect(adviceFor(error)).toMatch(/memory ran out/)
  })

  test('knows the errors of the operating system', () => {
    const error = Object.assign(new Error('EROFS: read-only file system, mkdir'), { code: 'EROFS' })

    expect(adviceFor(error)).toMatch(/read-only file system: copy the repository/)
  })

  test('is the message itself where set-up already knew', () => {
    expect(adviceFor(new SetupError('Install it.'))).toBe('Install it.')
  })

  test('points at the lines above where nothing is known', () => {
    const error = new ToolError('tool', { code: 3, signal: null, output: ['strange'] })

    expect(adviceFor(error)).toMatch(/^The lines above/)
  })
})
