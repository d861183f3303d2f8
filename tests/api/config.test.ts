import { describe, expect, test } from '@jest/globals'
import { ConfigError, loadConfig } from '../../api/config.ts'

describe('loadConfig', () => {
  test('listens on loopback and serves the tiny model unless told otherwise', () => {
    expect(loadConfig({})).toMatchObject({ host: '127.0.0.1', port: 8080, model: 'tiny' })
  })

  test('finds the Python of the set-up beside package.json', () => {
    expect(loadConfig({}).worker_python).toBe(`${process.cwd()}/.venv/bin/python`)
  })

  test('takes an empty setting for one that is not set', () => {
    expect(loadConfig({ PIXELLLM_PORT: '', PIXELLLM_THREADS: ' ' })).toMatchObject({
      port: 8080,
      threads: null,
    })
  })

  test.each([
    [{ PIXELLLM_PORT: '0' }, { port: 0 }],
    [{ PIXELLLM_THREADS: '2' }, { threads: 2 }],
    [{ PIXELLLM_DEVICE: 'cuda' }, { device: 'cuda' }],
    [{ PIXELLLM_DTYPE: 'bfloat16' }, { dtype: 'bfloat16' }],
    [{ PIXELLLM_STEP_TIMEOUT_MS: '600000' }, { step_timeout_ms: 600_000 }],
    [{ PIXELLLM_DATA_DIR: '/srv/data' }, { data_dir: '/srv/data' }],
    [
      { PIXELLLM_DATASET_ROOTS: 'a=/srv/a, b-2=/srv/b b' },
      {
        dataset_roots: new Map([
          ['a', '/srv/a'],
          ['b-2', '/srv/b b'],
        ]),
      },
    ],
    [{}, { training: true, queue_board: false, redis_url: null }],
    [{ PIXELLLM_TRAINING: 'off' }, { training: false }],
    [{ PIXELLLM_QUEUE_BOARD: 'on' }, { queue_board: true }],
    [{ REDIS_URL: 'rediss://me:pw@host:1/2' }, { redis_url: 'rediss://me:pw@host:1/2' }],
  ])('reads %j', (environment, expected) => expect(loadConfig(environment)).toMatchObject(expected))

  test.each([
    ['PIXELLLM_PORT', '65536', 'it must be a whole number from 0 to 65535'],
    ['PIXELLLM_PORT', '-1', 'it must be a whole number from 0 to 65535'],
    ['PIXELLLM_PORT', '80 80', 'it must be a whole number from 0 to 65535'],
    ['PIXELLLM_WORKERS', '0', 'it must be a whole number from 1 to 64'],
    ['PIXELLLM_MAX_IMAGE_PIXELS', '1e6', 'it must be a whole number from 1'],
    ['PIXELLLM_TRAINING', 'yes', 'it must be on or off'],
  ])('says what %s may be where it is %j', (name, value, sentence) =>
    expect(() => loadConfig({ [name]: value })).toThrow(
      new ConfigError(`${name} is ${JSON.stringify(value)}: ${sentence}.`),
    ),
  )

  test.each(['a', 'a=b', 'a=/x,a=/y', 'a=/x,', '=/x', 'a/b=/x'])(
    'says what folders are named like where they are %j',
    (value) =>
      expect(() => loadConfig({ PIXELLLM_DATASET_ROOTS: value })).toThrow(/must be name=\/folder/),
  )

  test.each(['localhost', 'http://me:secret@host', 'redis'])(
    'says what REDIS_URL may be, and not what %s is, which may hold a password',
    (url) =>
      expect(() => loadConfig({ REDIS_URL: url })).toThrow(
        new ConfigError('REDIS_URL: it must be an address such as redis://localhost:6379.'),
      ),
  )

  test('names every setting that is wrong', () => {
    const load = (): unknown => loadConfig({ PIXELLLM_PORT: 'x', PIXELLLM_DEVICE: 'tpu' })

    expect(load).toThrow(/PIXELLLM_PORT.*\n.*PIXELLLM_DEVICE/)
  })
})
