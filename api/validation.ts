import type { z } from 'zod'
import type { ProblemField } from '../schemas/index.ts'
import { ApiError } from './errors.ts'

/** Returns `value` as `schema` describes it, or throws `invalid_request` naming every field that is wrong. */
export function parse<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  at: readonly PropertyKey[] = [],
): z.output<Schema> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw invalidRequest(parsed.error.issues.flatMap((issue) => fieldsOf(issue, at)))
}

/** An `invalid_request` about these fields. */
export function invalidRequest(
  errors: readonly [ProblemField, ...ProblemField[]] | ProblemField[],
) {
  const detail = errors
    .map(({ pointer, message }) => (pointer ? `${pointer}: ${message}` : message))
    .join('; ')
  return new ApiError('invalid_request', detail, { errors })
}

export function pointer(path: readonly PropertyKey[]): string {
  return path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

function fieldsOf(issue: z.core.$ZodIssue, at: readonly PropertyKey[]): ProblemField[] {
  const path = [...at, ...issue.path]
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      pointer: pointer([...path, key]),
      message: 'there is no such field',
    }))
  }
  if (issue.code === 'invalid_union') {
    const nearest = nearestOption(issue.errors)
    if (nearest.length > 0) return nearest.flatMap((inner) => fieldsOf(inner, path))
  }
  return [{ pointer: pointer(path), message: messageOf(issue) }]
}

/** The issues of the option that the value comes closest to: the fewest, and none about a missing field. */
function nearestOption(
  options: readonly (readonly z.core.$ZodIssue[])[],
): readonly z.core.$ZodIssue[] {
  return options.toSorted((a, b) => distance(a) - distance(b))[0] ?? []
}

function distance(issues: readonly z.core.$ZodIssue[]): number {
  return issues.reduce((sum, issue) => sum + (issue.code === 'unrecognized_keys' ? 10 : 1), 0)
}

/** What a value must be, in the words of someone who writes JSON. */
const kinds = new Map([
  ['string', 'a text'],
  ['number', 'a number'],
  ['int', 'a whole number'],
  ['boolean', 'true or false'],
  ['tuple', 'a list of numbers'],
  ['array', 'a list'],
  ['object', 'an object'],
  ['record', 'an object'],
])

function messageOf(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'invalid_type') return lowerFirst(issue.message)
  if (issue.message.endsWith('received undefined')) return 'it is missing'
  return `it must be ${kinds.get(issue.expected) ?? issue.expected}`
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}
