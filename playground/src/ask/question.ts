/** What can be asked about a picture, and the same question for a shell and for a program. */
import type { Location } from '@pixelllm/sdk'

export type Question =
  | { readonly task: 'caption' }
  | { readonly task: 'describe'; readonly location: Location }
  | { readonly task: 'locate' | 'segment'; readonly phrase: string }
  | { readonly task: 'dense_caption'; readonly words: true }

/** A question with all that the server has to know. */
export interface Asked {
  readonly question: Question
  /** Undefined for the model that answers when none is named. */
  readonly model: string | undefined
  readonly imageId: string
}

const METHODS = {
  caption: 'caption',
  describe: 'describe',
  locate: 'locate',
  segment: 'segment',
  dense_caption: 'denseCaption',
} as const

export function titleOf(question: Question): string {
  switch (question.task) {
    case 'caption':
      return 'The whole picture'
    case 'describe':
      return titleOfLocation(question.location)
    case 'locate':
    case 'segment':
      return 'Found by its name'
    case 'dense_caption':
      return 'Every region'
  }
}

function titleOfLocation(location: Location): string {
  if (location.type === 'point') return `At the point ${location.point.join(', ')}`
  const [left, top, right, bottom] = location.box
  return `In the box from ${left}, ${top} to ${right}, ${bottom}`
}

/** A line that asks the same in a shell. */
export function curlOf({ question, model, imageId }: Asked, address: string): string {
  const fields = Object.entries(fieldsOf(question, model)).map(formField)
  const url = `${address}/v1/${question.task.replace('_', '-')}`
  return ['curl', `-F image_id=${imageId}`, ...fields, quote(url)].join(' ')
}

/** A line that asks the same with the client. */
export function sdkOf({ question, model, imageId }: Asked, address: string): string {
  const options = fieldsOf(question, model)
  const args = [imageId, ...(Object.keys(options).length > 0 ? [options] : [])].map(literal)
  const client = `new PixelLLM({ baseUrl: ${literal(address)} })`
  return `const answer = await ${client}.${METHODS[question.task]}(${args.join(', ')})`
}

function fieldsOf({ task: _, ...fields }: Question, model: string | undefined): object {
  return model === undefined ? fields : { ...fields, model }
}

/** `-F` would read the signs @, < and ; in a text that a person typed. */
function formField([name, value]: [string, unknown]): string {
  if (typeof value === 'string') return `--form-string ${quote(`${name}=${value}`)}`
  return `-F ${quote(`${name}=${JSON.stringify(value)}`)}`
}

function quote(text: string): string {
  if (/^[\w./:=@-]+$/.test(text)) return text
  return `'${text.replaceAll("'", `'\\''`)}'`
}

/** JSON as a person writes it in TypeScript. */
function literal(value: unknown): string {
  if (typeof value === 'string') return `'${value.replaceAll(/[\\']/g, '\\$&')}'`
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`
  if (typeof value !== 'object' || value === null) return String(value)
  const fields = Object.entries(value).map(([name, field]) => `${name}: ${literal(field)}`)
  return `{ ${fields.join(', ')} }`
}
