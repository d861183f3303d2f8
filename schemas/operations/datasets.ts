import { z } from 'zod'
import {
  Dataset,
  DatasetDetails,
  DatasetList,
  DatasetName,
  DatasetParams,
  RegisterDatasetRequest,
} from '../datasets.ts'
import type { Operation } from '../operation.ts'
import { PageQuery } from '../page.ts'

const failures = ['internal', 'shutting_down'] as const

const archiveFile = z.custom<Uint8Array>().meta({
  override: {
    type: 'string',
    format: 'binary',
    description: 'A tar, tar.gz or zip with `data.jsonl` and `images/`, alone or in one folder',
  },
})

export const createDataset = {
  id: 'createDataset',
  method: 'POST',
  path: '/v1/datasets',
  tag: 'datasets',
  scope: 'train',
  summary: 'Send a dataset, or register one that lies on the server',
  description:
    'The plain layout is described in docs/datasets.md. The reply comes when the files are stored; they are validated after it. The same files always have the same id.',
  body: {
    json: RegisterDatasetRequest,
    form: z.strictObject({ archive: archiveFile, name: DatasetName.optional() }),
  },
  status: 201,
  result: Dataset,
  errors: [
    'invalid_request',
    'body_too_large',
    'body_unsupported',
    'archive_too_large',
    'archive_unreadable',
    'archive_unsafe',
    'dataset_not_found',
    'deadline_exceeded',
    'storage_full',
    ...failures,
  ],
} as const satisfies Operation

export const listDatasets = {
  id: 'listDatasets',
  method: 'GET',
  path: '/v1/datasets',
  tag: 'datasets',
  scope: 'train',
  summary: 'List the datasets',
  query: PageQuery,
  status: 200,
  result: DatasetList,
  errors: ['invalid_request', ...failures],
} as const satisfies Operation

export const readDataset = {
  id: 'readDataset',
  method: 'GET',
  path: '/v1/datasets/{id}',
  tag: 'datasets',
  scope: 'train',
  summary: 'Look up a dataset: its counts, a few samples and every fault',
  params: DatasetParams,
  status: 200,
  result: DatasetDetails,
  errors: ['invalid_request', 'dataset_not_found', ...failures],
} as const satisfies Operation

export const deleteDataset = {
  id: 'deleteDataset',
  method: 'DELETE',
  path: '/v1/datasets/{id}',
  tag: 'datasets',
  scope: 'train',
  summary: 'Delete a dataset',
  description:
    'A job that still needs it fails with `dataset_not_found`. A registered root keeps its files.',
  params: DatasetParams,
  status: 204,
  errors: ['invalid_request', 'dataset_not_found', ...failures],
} as const satisfies Operation
