/** The runs of a mask are for programs: people see how they begin. */
const SHOWN_COUNTS = 24

/** JSON for reading: a field per line, and an item per line in the lists directly below. */
export function formatReply(reply: object): string {
  const fields = Object.entries(reply).map(([name, value]) => `  "${name}": ${formatField(value)}`)
  return `{\n${fields.join(',\n')}\n}\n`
}

function formatField(value: unknown): string {
  if (!Array.isArray(value) || !value.some((item) => typeof item === 'object')) return inline(value)
  return `[\n${value.map((item) => `    ${inline(item)}`).join(',\n')}\n  ]`
}

function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const fields = Object.entries(value).map(
    ([name, item]) => `"${name}": ${inline(name === 'counts' ? shorten(item) : item)}`,
  )
  return `{ ${fields.join(', ')} }`
}

function shorten(counts: unknown): unknown {
  if (typeof counts !== 'string' || counts.length <= SHOWN_COUNTS) return counts
  return `${counts.slice(0, SHOWN_COUNTS)}...`
}
