import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { type Gateway, openGateway } from '../helpers/gateway.ts'

const SCRIPT = '/playground/index-1a2b.js'

let folder: string
let gateway: Gateway

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelllm-playground-'))
})

afterEach(async () => {
  await gateway.close()
  await rm(folder, { recursive: true })
})

async function openBuilt(): Promise<void> {
  await mkdir(join(folder, 'playground'))
  await writeFile(join(folder, 'index.html'), '<!doctype html><title>a page</title>')
  await writeFile(join(folder, SCRIPT), 'export {}')
  await writeFile(join(folder, '.set-up'), '{"from":"a stamp"}')
  gateway = await openGateway({}, { playground: folder })
}

describe('the playground', () => {
  test('is the page at / and may load nothing from elsewhere', async () => {
    await openBuilt()

    const reply = await gateway.app.inject('/')

    expect(reply.body).toContain('a page')
    expect(reply.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-cache',
      'x-content-type-options': 'nosniff',
    })
    const policy = String(reply.headers['content-security-policy'])
    expect(policy).toMatch(/^default-src 'self'; img-src 'self' blob: data:;/)
    expect(policy).not.toContain('unsafe')
  })

  test('keeps what a name with a hash stands for', async () => {
    await openBuilt()

    const reply = await gateway.app.inject(SCRIPT)

    expect(reply.body).toBe('export {}')
    expect(reply.headers['content-type']).toBe('text/javascript; charset=utf-8')
    expect(reply.headers['cache-control']).toContain('immutable')
  })

  test('is not sent twice', async () => {
    await openBuilt()
    const { headers } = await gateway.app.inject('/')

    const again = await gateway.app.inject({
      url: '/',
      headers: { 'if-none-match': String(headers.etag) },
    })

    expect(again.statusCode).toBe(304)
    expect(again.body).toBe('')
  })

  test.each(['/.set-up', '/playground/none.js', '/playground/%2e%2e/index.html', '/index.html'])(
    'gives no other file: %s',
    async (url) => {
      await openBuilt()

      const reply = await gateway.app.inject(url)

      expect(reply.json()).toMatchObject({ status: 404, code: 'not_found' })
    },
  )

  test('says how to build it where it was not built', async () => {
    gateway = await openGateway({}, { playground: join(folder, 'none') })

    const reply = await gateway.app.inject('/')
    const health = await gateway.app.inject('/healthz')

    expect(reply.json()).toMatchObject({
      status: 404,
      code: 'not_found',
      detail: expect.stringContaining('npm run setup'),
    })
    expect(health.statusCode).toBe(200)
  })
})
