/** The contract as an OpenAPI 3.1 document. Imported only where the document is made. */
import type { z } from 'zod'
import {
  createDocument,
  type oas31,
  type ZodOpenApiMediaTypeObject,
  type ZodOpenApiOperationObject,
  type ZodOpenApiRequestBodyObject,
  type ZodOpenApiResponseObject,
  type ZodOpenApiResponsesObject,
} from 'zod-openapi'
import { type ErrorCode, errorEntry, Problem } from './error.ts'
import { examples } from './examples.ts'
import type { Operation, RequestBody } from './operation.ts'
import { operations } from './operations/index.ts'
import { StreamedProblem, StreamedResult, StreamedWord } from './stream.ts'
import { VERSION } from './version.ts'

const DESCRIPTION = `PixelLLM gives every word it writes a place in the image.

Coordinates are pixels of the image as a person sees it, after EXIF rotation, from its top left corner. Errors are problem details (RFC 9457) with a stable \`code\`. Tasks that write words can stream them: ask with \`Accept: text/event-stream\`. Every task can show what it found: ask with \`Accept: image/png\` or \`Accept: image/svg+xml\`.`

export function openapiDocument(): oas31.OpenAPIObject {
  const document = createDocument({
    openapi: '3.1.0',
    info: {
      title: 'PixelLLM Server',
      version: VERSION,
      description: DESCRIPTION,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'This server' }],
    security: [{}],
    tags: [
      { name: 'tasks', description: 'Ask the model' },
      { name: 'images', description: 'Send an image once and ask about it often' },
      { name: 'datasets', description: 'What is trained on' },
      { name: 'training', description: 'Train a model, watch it, and keep what it learned' },
      { name: 'models', description: 'What can be asked' },
      { name: 'health', description: 'For load balancers and supervisors' },
      { name: 'contract', description: 'What the server promises' },
    ],
    components: { schemas: { StreamedWord, StreamedResult, StreamedProblem } },
    paths: paths(operations),
  })
  return openTuples(document)
}

/**
 * Removes the `items: false` of tuples: many clients cannot read it and minItems/maxItems say it.
 * It stands in their definitions and, alone, beside references to them, where it would forbid all.
 */
function openTuples(document: oas31.OpenAPIObject): oas31.OpenAPIObject {
  return JSON.parse(JSON.stringify(document), (key, value) =>
    key === 'items' && value === false ? undefined : value,
  )
}

function paths(
  all: readonly Operation[],
): Record<string, Record<string, ZodOpenApiOperationObject>> {
  const byPath: Record<string, Record<string, ZodOpenApiOperationObject>> = {}
  for (const operation of all) {
    byPath[operation.path] = {
      ...byPath[operation.path],
      [operation.method.toLowerCase()]: operationObject(operation),
    }
  }
  return byPath
}

function operationObject(operation: Operation): ZodOpenApiOperationObject {
  const { id, tag, scope, summary, description, params, query, headers, body } = operation
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(description && { description }),
    ...(scope && { 'x-scope': scope }),
    ...samplesOf(id),
    ...((params ?? query ?? headers) && {
      requestParams: {
        ...(params && { path: params }),
        ...(query && { query }),
        ...(headers && { header: headers }),
      },
    }),
    ...(body && { requestBody: requestBody(body) }),
    responses: { [`${operation.status}`]: success(operation), ...failures(operation.errors) },
  }
}

/** How to ask it, for the API reference. */
function samplesOf(id: string): Record<`x-${string}`, unknown> {
  const example = examples[id]
  if (example === undefined) return {}
  return { 'x-codeSamples': [{ lang: 'Shell', label: 'curl', source: example.source }] }
}

function requestBody({ json, form, required = true }: RequestBody): ZodOpenApiRequestBodyObject {
  return {
    required,
    content: {
      ...(form && { 'multipart/form-data': { schema: form, encoding: formEncoding(form) } }),
      ...(json && { 'application/json': { schema: json } }),
    },
  }
}

/** How the parts of a form are written: files as they are, objects as JSON text. */
function formEncoding(form: z.ZodObject): NonNullable<ZodOpenApiMediaTypeObject['encoding']> {
  return {
    ...('image' in form.shape && { image: { contentType: 'image/jpeg, image/png, image/webp' } }),
    ...('archive' in form.shape && {
      archive: { contentType: 'application/x-tar, application/gzip, application/zip' },
    }),
    ...('location' in form.shape && { location: { contentType: 'application/json' } }),
  }
}

function success({ summary, result, alternatives = {} }: Operation): ZodOpenApiResponseObject {
  const bodies = Object.entries({ ...(result && { 'application/json': result }), ...alternatives })
  if (bodies.length === 0) return { description: summary }
  return {
    description: summary,
    content: Object.fromEntries(bodies.map(([type, schema]) => [type, { schema }])),
  }
}

/** One response for each status, naming the codes that it can carry. */
function failures(codes: readonly ErrorCode[]): ZodOpenApiResponsesObject {
  const statuses = [...new Set(codes.map((code) => errorEntry(code).status))].sort((a, b) => a - b)
  return Object.fromEntries(
    statuses.map((status) => [
      `${status}`,
      {
        description: codes
          .filter((code) => errorEntry(code).status === status)
          .map((code) => `\`${code}\`: ${errorEntry(code).title}`)
          .join('; '),
        content: { 'application/problem+json': { schema: Problem } },
      },
    ]),
  )
}
