import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import {
  createDataset,
  type Dataset,
  deleteDataset,
  listDatasets,
  RegisterDatasetRequest,
  readDataset,
} from '../../schemas/index.ts'
import type { Config } from '../config.ts'
import { type DatasetStore, readArchiveForm } from '../datasets/index.ts'
import { hangUpSignal } from '../hang-up.ts'
import { mount } from '../mount.ts'
import { parse } from '../validation.ts'

export function datasetRoutes(app: FastifyInstance, datasets: DatasetStore, config: Config): void {
  const { max_dataset_bytes, upload_timeout_ms } = config

  async function receive(request: FastifyRequest, signal: AbortSignal): Promise<Dataset> {
    if (request.isMultipart()) {
      return datasets.add((archive) => readArchiveForm(request, archive, max_dataset_bytes), signal)
    }
    const { root, name } = parse(RegisterDatasetRequest, request.body)
    return datasets.register(root, name ?? null, signal)
  }

  async function create(request: FastifyRequest, reply: FastifyReply): Promise<Dataset> {
    const dataset = await receive(request, hangUpSignal(reply))
    reply.header('location', `/v1/datasets/${dataset.id}`)
    return dataset
  }

  mount(app, createDataset, create, { config: { receive_ms: upload_timeout_ms } })

  mount(app, listDatasets, async (request) => {
    return datasets.list(parse(listDatasets.query, request.query))
  })

  mount(app, readDataset, async (request) => {
    const { id } = parse(readDataset.params, request.params)
    return datasets.read(id)
  })

  mount(app, deleteDataset, async (request, reply) => {
    const { id } = parse(deleteDataset.params, request.params)
    await datasets.delete(id)
    return reply.send()
  })
}
