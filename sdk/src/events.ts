import { failureOf, type OpenReply } from './transport.ts'

export interface ServerEvent {
  readonly event: string
  readonly data: string
  readonly id: string | undefined
}

const END_OF_EVENT = /\r?\n\r?\n/

/** The server-sent events of a reply, as they arrive. Leaving the loop closes the connection. */
export async function* readEvents(reply: OpenReply): AsyncGenerator<ServerEvent, void> {
  let text = ''
  for await (const chunk of decode(readChunks(reply))) {
    text += chunk
    const blocks = text.split(END_OF_EVENT)
    text = blocks.pop() ?? ''
    for (const block of blocks) {
      const event = readEvent(block)
      if (event !== undefined) yield event
    }
  }
}

/** The bytes of a reply, as they arrive. Leaving the loop closes the connection. */
export async function* readChunks({ body, deadline }: OpenReply): AsyncGenerator<Uint8Array, void> {
  const { signal } = deadline
  // Not `for await`: Safari cannot iterate over a stream.
  const reader = body.getReader()
  // Of a stream that has broken there is nothing left to cancel.
  const cancel = (): Promise<void> => reader.cancel(signal.reason).catch(() => undefined)
  // The signal alone is not enough: Node forgets it when it collects the request.
  signal.addEventListener('abort', cancel)
  try {
    signal.throwIfAborted()
    for (;;) {
      deadline.extend()
      const { done, value } = await reader.read()
      signal.throwIfAborted()
      if (done) return
      deadline.pause()
      yield value
    }
  } catch (error) {
    throw failureOf(error, signal)
  } finally {
    deadline.clear()
    signal.removeEventListener('abort', cancel)
    await cancel()
  }
}

async function* decode(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder()
  for await (const chunk of chunks) yield decoder.decode(chunk, { stream: true })
}

/** Undefined for a block without data: a comment that keeps the connection alive. */
function readEvent(block: string): ServerEvent | undefined {
  const lines = block.split(/\r?\n/)
  const data = valuesOf(lines, 'data')
  if (data.length === 0) return undefined
  return {
    event: valuesOf(lines, 'event').at(-1) ?? 'message',
    data: data.join('\n'),
    id: valuesOf(lines, 'id').at(-1),
  }
}

function valuesOf(lines: readonly string[], field: string): string[] {
  return lines
    .filter((line) => line.startsWith(`${field}:`))
    .map((line) => line.slice(field.length + 1).replace(/^ /, ''))
}
