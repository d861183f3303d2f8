import { z } from 'zod'
import type { Operation } from '../operation.ts'

export const readContract = {
  id: 'readContract',
  method: 'GET',
  path: '/openapi.json',
  tag: 'contract',
  scope: null,
  summary: 'This document',
  status: 200,
  result: z.record(z.string(), z.unknown()),
  errors: ['internal', 'shutting_down'],
} as const satisfies Operation

export const readReference = {
  id: 'readReference',
  method: 'GET',
  path: '/docs',
  tag: 'contract',
  scope: null,
  summary: 'This document, to read and to try out in a browser',
  status: 200,
  alternatives: {
    'text/html': z.string().meta({ description: 'A page that needs nothing from elsewhere' }),
  },
  errors: ['internal', 'shutting_down'],
} as const satisfies Operation
