/**
 * A runnable example for every operation, in the order in which they can be run one after the other.
 * The API reference shows them, and a test runs them against a real server.
 */

/** The address that the examples ask. */
export const EXAMPLE_ADDRESS = 'http://127.0.0.1:8080'

export interface Example {
  /** A command of the shell, run in the folder of the project. `$NAMES` come from the replies before. */
  readonly source: string
  /** What later examples need of the reply: the name of a variable, and the field that it holds. */
  readonly keeps?: Readonly<Record<string, string>>
}

const street = '-F image=@samples/street.png'

/** By the id of the operation. */
export const examples: Readonly<Record<string, Example>> = {
  caption: { source: curl('/v1/caption', '-F image=@samples/harbour.png') },
  describe: {
    source: curl(
      '/v1/describe',
      `${street} -F 'location={"type":"point","point":[140,230]}' -F ground=box`,
    ),
  },
  locate: { source: curl('/v1/locate', `${street} -F 'phrase=the cat left of the red bus'`) },
  segment: { source: curl('/v1/segment', `${street} -F 'phrase=the yellow cat'`) },
  dense_caption: { source: curl('/v1/dense-caption', `${street} -F max_regions=5`) },
  storeImage: { source: curl('/v1/images', street), keeps: { IMAGE: 'id' } },
  readImage: { source: curl('/v1/images/$IMAGE') },
  deleteImage: { source: curl('/v1/images/$IMAGE', '-X DELETE') },
  createDataset: {
    source: curl('/v1/datasets', '-F archive=@dataset.tar.gz -F name=scenes'),
    keeps: { DATASET: 'id' },
  },
  listDatasets: { source: curl('/v1/datasets') },
  readDataset: { source: curl('/v1/datasets/$DATASET') },
  createTrainingJob: {
    source: curl(
      '/v1/training-jobs',
      json(
        '{"recipe":"ref","dataset":"\'$DATASET\'","hyperparameters":{"steps":10,"batch_size":2},"name":"scenes"}',
      ),
    ),
    keeps: { JOB: 'id' },
  },
  listTrainingJobs: { source: curl("'/v1/training-jobs?limit=10'") },
  readTrainingJob: { source: curl('/v1/training-jobs/$JOB') },
  pauseTrainingJob: { source: curl('/v1/training-jobs/$JOB/pause', '-X POST') },
  resumeTrainingJob: { source: curl('/v1/training-jobs/$JOB/resume', '-X POST') },
  listTrainingEvents: {
    source: curl('/v1/training-jobs/$JOB/events', "-N -H 'Accept: text/event-stream'"),
  },
  listTrainingMetrics: { source: curl('/v1/training-jobs/$JOB/metrics') },
  listTrainingCheckpoints: {
    source: curl('/v1/training-jobs/$JOB/checkpoints'),
    keeps: { CHECKPOINT: 'checkpoints.0.id' },
  },
  downloadTrainingCheckpoint: {
    source: curl('/v1/training-jobs/$JOB/checkpoints/$CHECKPOINT', '-o checkpoint.tar'),
  },
  cancelTrainingJob: { source: curl('/v1/training-jobs/$JOB/cancel', '-X POST') },
  listModels: { source: curl('/v1/models'), keeps: { MODEL: 'models.1.id' } },
  readModel: { source: curl('/v1/models/$MODEL') },
  activateModel: { source: curl('/v1/models/$MODEL/activate', json('{"default":false}')) },
  deactivateModel: { source: curl('/v1/models/$MODEL/deactivate', '-X POST') },
  deleteModel: { source: curl('/v1/models/$MODEL', '-X DELETE') },
  deleteDataset: { source: curl('/v1/datasets/$DATASET', '-X DELETE') },
  healthz: { source: curl('/healthz') },
  readyz: { source: curl('/readyz') },
  kserveLive: { source: curl('/v2/health/live') },
  kserveReady: { source: curl('/v2/health/ready') },
  readMetrics: { source: curl('/metrics') },
  readContract: { source: curl('/openapi.json') },
  readReference: { source: curl('/docs') },
}

function curl(path: string, options = ''): string {
  const address = path.startsWith("'")
    ? `'${EXAMPLE_ADDRESS}${path.slice(1)}`
    : `${EXAMPLE_ADDRESS}${path}`
  return ['curl', options, address].filter((part) => part !== '').join(' ')
}

function json(body: string): string {
  return `-H 'Content-Type: application/json' \\\n  -d '${body}' \\\n `
}
