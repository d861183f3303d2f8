import { z } from 'zod'
import { Health, Live, Ready } from '../health.ts'
import type { Operation } from '../operation.ts'

export const healthz = {
  id: 'healthz',
  method: 'GET',
  path: '/healthz',
  tag: 'health',
  scope: null,
  summary: 'Whether the server is alive',
  status: 200,
  result: Health,
  errors: ['internal'],
} as const satisfies Operation

export const readyz = {
  id: 'readyz',
  method: 'GET',
  path: '/readyz',
  tag: 'health',
  scope: null,
  summary: 'Whether a worker has its model and answers',
  status: 200,
  result: Health,
  errors: ['worker_unavailable', 'model_unavailable', 'shutting_down'],
} as const satisfies Operation

export const kserveLive = {
  id: 'kserveLive',
  method: 'GET',
  path: '/v2/health/live',
  tag: 'health',
  scope: null,
  summary: 'The same as /healthz, under the name that KServe knows',
  status: 200,
  result: Live,
  errors: ['internal'],
} as const satisfies Operation

export const kserveReady = {
  id: 'kserveReady',
  method: 'GET',
  path: '/v2/health/ready',
  tag: 'health',
  scope: null,
  summary: 'The same as /readyz, under the name that KServe knows',
  status: 200,
  result: Ready,
  errors: ['worker_unavailable', 'model_unavailable', 'shutting_down'],
} as const satisfies Operation

export const readMetrics = {
  id: 'readMetrics',
  method: 'GET',
  path: '/metrics',
  tag: 'health',
  scope: null,
  summary: 'What the server counts and measures, for Prometheus',
  description: 'docs/operations.md lists the metrics; docker/grafana.json is a dashboard of them.',
  status: 200,
  alternatives: { 'text/plain': z.string().meta({ description: 'The text form of Prometheus' }) },
  errors: ['internal', 'shutting_down'],
} as const satisfies Operation
