export interface ServerEvent {
  readonly event: string
  readonly data: string
}

const END_OF_EVENT = /\r?\n\r?\n/

/** The server-sent events of a body, as they arrive. Leaving the loop closes the connection. */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<ServerEvent, void> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true })
    const blocks = text.split(END_OF_EVENT)
    text = blocks.pop() ?? ''
    for (const block of blocks) {
      const event = readEvent(block)
      if (event !== undefined) yield event
    }
  }
}

/** Undefined for a block without data: a comment that keeps the connection alive. */
function readEvent(block: string): ServerEvent | undefined {
  const lines = block.split(/\r?\n/)
  const data = valuesOf(lines, 'data')
  if (data.length === 0) return undefined
  return { event: valuesOf(lines, 'event').at(-1) ?? 'message', data: data.join('\n') }
}

function valuesOf(lines: readonly string[], field: string): string[] {
  return lines
    .filter((line) => line.startsWith(`${field}:`))
    .map((line) => line.slice(field.length + 1).replace(/^ /, ''))
}
