import type { LightMyRequestResponse } from 'fastify'
import { Dataset, DatasetDetails } from '../../schemas/index.ts'
import { tarOf } from './archives.ts'
import type { Gateway } from './gateway.ts'
import { pngBytes } from './pictures.ts'
import { postForm } from './requests.ts'

const png = await pngBytes()

/** The files of a dataset of one picture, by default one without a fault. */
export function datasetFiles(
  data: string | object = { image: 'a.png', captions: [{ caption: 'a red picture' }] },
): { name: string; data: string | Buffer }[] {
  const text = typeof data === 'string' ? data : `${JSON.stringify(data)}\n`
  return [
    { name: 'data.jsonl', data: text },
    { name: 'images/a.png', data: png },
  ]
}

export async function sendArchive(
  gateway: Gateway,
  archive: Buffer = tarOf(datasetFiles()),
  fields: Readonly<Record<string, string>> = {},
): Promise<LightMyRequestResponse> {
  const form = new FormData()
  form.append('archive', new Blob([new Uint8Array(archive)]), 'data.tar')
  for (const [name, value] of Object.entries(fields)) form.append(name, value)
  return postForm(gateway, '/v1/datasets', form)
}

/** Sends a dataset and waits until it is validated. */
export async function sendDataset(
  gateway: Gateway,
  data?: string | object,
): Promise<DatasetDetails> {
  const { id } = Dataset.parse((await sendArchive(gateway, tarOf(datasetFiles(data)))).json())
  await gateway.datasets.validated(id, AbortSignal.timeout(30_000))
  const reply = await gateway.app.inject(`/v1/datasets/${id}`)
  return DatasetDetails.parse(reply.json())
}
