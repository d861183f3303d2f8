import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { z } from 'zod'

const Attribute = z.object({
  key: z.string(),
  value: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
})
const Span = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().optional(),
  name: z.string(),
  startTimeUnixNano: z.coerce.bigint(),
  endTimeUnixNano: z.coerce.bigint(),
  attributes: z.array(Attribute),
  status: z.object({ code: z.number().optional() }).optional(),
})
type Span = z.infer<typeof Span>

const Export = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes: z.array(Attribute) }),
      scopeSpans: z.array(z.object({ spans: z.array(Span) })),
    }),
  ),
})

/** A collector that takes traces over OTLP/HTTP in JSON and keeps them. */
export class TraceReceiver {
  readonly spans: Span[] = []
  /** What was sent, as text. */
  readonly bodies: string[] = []
  readonly resources: Record<string, unknown>[] = []
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  static async open(): Promise<TraceReceiver> {
    const server = createServer()
    const receiver = new TraceReceiver(server)
    server.on('request', async (request, response) => {
      if (request.url === '/v1/traces') receiver.#take(await text(request))
      response.writeHead(request.url === '/v1/traces' ? 200 : 404).end('{}')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return receiver
  }

  get address(): string {
    const { port }: Pick<AddressInfo, 'port'> = z
      .object({ port: z.number() })
      .parse(this.#server.address())
    return `http://127.0.0.1:${port}`
  }

  named(name: string): Span {
    const span = this.spans.find((span) => span.name === name)
    if (span === undefined)
      throw new Error(`no span ${name} among ${this.spans.map(({ name }) => name)}`)
    return span
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #take(body: string): void {
    this.bodies.push(body)
    for (const { resource, scopeSpans } of Export.parse(JSON.parse(body)).resourceSpans) {
      this.resources.push(attributesOf(resource))
      for (const { spans } of scopeSpans) this.spans.push(...spans)
    }
  }
}

/** Its attributes, by name. */
export function attributesOf({ attributes }: Pick<Span, 'attributes'>): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))
}
