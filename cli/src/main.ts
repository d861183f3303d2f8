/** The program: what `run` needs of the process, and its exit code. */
import { run } from './run.ts'

const interrupted = new AbortController()
process.once('SIGINT', () => interrupted.abort(new Error('interrupted')))
// A reader that has seen enough, `| head` for example, is no failure.
process.stdout.on('error', () => process.exit())

process.exitCode = await run(process.argv.slice(2), {
  out: process.stdout,
  err: process.stderr,
  env: process.env,
  signal: interrupted.signal,
})
