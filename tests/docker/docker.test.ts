import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { z } from 'zod'
import { loadConfig } from '../../api/config.ts'
import { readStages, readWords } from '../../docker/read-dockerfile.mjs'
import { sharedMemoryFault } from '../../docker/shared-memory.mjs'

const MIB = 2 ** 20

describe('shared memory', () => {
  test('that is large enough is fine', () => {
    expect(sharedMemoryFault('/dev/shm', 1)).toBeUndefined()
  })

  test('that is too small is said with what to do', () => {
    expect(sharedMemoryFault('/dev/shm', 2 ** 50)).toMatch(
      /^The container has \d+ MiB of shared memory \(\/dev\/shm\), .* take 1073741824 MiB .*--shm-size/,
    )
  })

  test('that is not there is said, too', () => {
    expect(sharedMemoryFault('/nowhere', MIB)).toMatch(
      /has 0 MiB .* take 1 MiB .* --shm-size 2m or/,
    )
  })
})

describe('the Dockerfile', () => {
  const stages = readStages(readFileSync('docker/Dockerfile', 'utf8'))

  test('ends as a user who is not root, with an init process and a check of its health', () => {
    const last = new Map(stages.at(-1)?.steps.map(({ instruction, text }) => [instruction, text]))

    expect(last.get('USER')).toBe('node')
    expect(readWords(last.get('ENTRYPOINT') ?? '')[0]).toBe('tini')
    expect(last.get('HEALTHCHECK')).toContain('/readyz')
  })

  test('gives every stage a name, and builds on a pinned image or on one of them', () => {
    const names = stages.map(({ name }) => name)

    expect(names.every((name) => name !== '')).toBe(true)
    for (const { from } of stages) expect([...names, 'node:24-bookworm-slim']).toContain(from)
  })
})

describe('compose.yaml', () => {
  const { services } = z
    .object({
      services: z.object({
        server: z.looseObject({
          ports: z.array(z.string()),
          shm_size: z.string(),
          stop_grace_period: z.string(),
          volumes: z.array(z.string()),
          environment: z.record(z.string(), z.string()),
        }),
        valkey: z.looseObject({ command: z.array(z.string()), volumes: z.array(z.string()) }),
      }),
    })
    .parse(parse(readFileSync('docker/compose.yaml', 'utf8')))

  test('has room and time for what the server needs', () => {
    const config = loadConfig({})

    expect(Number.parseInt(services.server.shm_size, 10) * MIB).toBeGreaterThan(config.slab_bytes)
    expect(Number.parseInt(services.server.stop_grace_period, 10) * 1000).toBeGreaterThan(
      config.drain_timeout_ms,
    )
  })

  test('opens a port on the loopback address alone', () => {
    expect(services.server.ports).toEqual([expect.stringMatching(/^127\.0\.0\.1:/)])
    expect(services.valkey).not.toHaveProperty('ports')
  })

  test('keeps the queue in an append-only file on a volume of its own', () => {
    expect(services.valkey.command.join(' ')).toContain('--appendonly yes')
    expect(services.valkey.volumes).not.toEqual(services.server.volumes)
  })
})
