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
