import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { loadConfig } from '../../api/config.ts'

/** A server that the operator keeps, with an address of its own: it can be away and come back. */
export class RedisProcess {
  readonly #port: number
  #child: ChildProcess | undefined

  private constructor(port: number) {
    this.#port = port
  }

  /** Chooses the address; there is no server yet. */
  static async choose(): Promise<RedisProcess> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    server.close()
    await once(server, 'close')
    if (address === null || typeof address === 'string') throw new Error('there is no port')
    return new RedisProcess(address.port)
  }

  get url(): string {
    return `redis://127.0.0.1:${this.#port}`
  }

  async start(): Promise<void> {
    const { worker_python } = loadConfig({})
    const program = 'from pixelllm.queue_server import find_server; print(find_server())'
    const server = execFileSync(worker_python, ['-c', program], { encoding: 'utf8' }).trim()
    const words = ['--port', String(this.#port), '--bind', '127.0.0.1', '--save', '']
    const child = spawn(server, words, { stdio: ['ignore', 'pipe', 'ignore'] })
    this.#child = child
    for await (const line of createInterface({ input: child.stdout })) {
      if (line.includes('Ready to accept connections')) break
    }
    child.stdout.resume()
  }

  /** Stops it without a word: connections stay open and nobody answers. */
  freeze(): void {
    this.#child?.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child?.kill('SIGCONT')
  }

  /** Ends it; whatever it knew is gone. */
  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
}
