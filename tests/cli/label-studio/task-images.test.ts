import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { TaskImages, type TaskImagesOptions } from '../../../cli/src/label-studio/task-images.ts'
import { FakeLabelStudio } from '../../helpers/fake-label-studio.ts'

const bytes = Buffer.from('the bytes of a picture')
const upload = '/data/upload/1/4d658d5f-street.png'

let labelStudio: FakeLabelStudio
let other: FakeLabelStudio
let address: string
let elsewhere: string

beforeEach(async () => {
  labelStudio = new FakeLabelStudio()
  other = new FakeLabelStudio()
  address = await labelStudio.open()
  elsewhere = await other.open()
})

afterEach(() => Promise.all([labelStudio.close(), other.close()]))

async function read(image: unknown, options: Partial<TaskImagesOptions> = {}): Promise<Buffer> {
  const images = new TaskImages({ labelStudioUrl: address, allowedHosts: [], ...options })
  const blob = await images.read(image, new AbortController().signal)
  return Buffer.from(await blob.arrayBuffer())
}

describe('an image', () => {
  test('may be in the task', async () => {
    expect(await read(`data:image/png;base64,${bytes.toString('base64')}`)).toEqual(bytes)
  })

  test.each([upload, upload.replace('/data/', ''), upload.replace('/data', '')])(
    'may be uploaded to Label Studio: %s',
    async (path) => {
      labelStudio.guard(upload, bytes, 'Token key')

      expect(await read(path, { apiKey: 'key' })).toEqual(bytes)
    },
  )

  test('may be named by its whole address there', async () => {
    labelStudio.guard(upload, bytes, 'Token key')

    expect(await read(`${address}${upload}`, { apiKey: 'key' })).toEqual(bytes)
  })

  test('may be a local file of Label Studio', async () => {
    labelStudio.guard('/data/local-files/', bytes, 'Token key')

    expect(await read('/data/local-files/?d=a/b.png', { apiKey: 'key' })).toEqual(bytes)
    expect(labelStudio.asked[0]?.url).toBe('/data/local-files/?d=a/b.png')
  })

  test.each(['/studio/data/upload/1/a.png', '/data/upload/1/a.png'])(
    'may be at a Label Studio at a path of its host: %s',
    async (path) => {
      labelStudio.serve('/studio/data/upload/1/a.png', bytes)

      expect(await read(path, { labelStudioUrl: `${address}/studio/` })).toEqual(bytes)
    },
  )

  test('may be at a host that is allowed, which is not told the key', async () => {
    other.serve('/a.png', bytes)
    const options = { apiKey: 'key', allowedHosts: [new URL(elsewhere).host] }

    expect(await read(`${elsewhere}/a.png?signature=s`, options)).toEqual(bytes)
    expect(other.asked).toEqual([
      { method: 'GET', url: '/a.png?signature=s', authorization: undefined },
    ])
  })

  test('may be a redirect away on the same host', async () => {
    labelStudio.redirect('/data/upload/1/a.png', '/data/b.png')
    labelStudio.serve('/data/b.png', bytes)

    expect(await read('/data/upload/1/a.png')).toEqual(bytes)
  })
})

describe('a personal access token', () => {
  const key = 'aaaa.bbbb.cccc'
  let given: string[]

  beforeEach(() => {
    given = ['first', 'second']
    labelStudio.files.set('/api/token/refresh/', (request, response) => {
      request.setEncoding('utf8').once('data', (text: string) => {
        const { refresh } = JSON.parse(text)
        if (refresh === key) response.end(JSON.stringify({ access: given.shift() }))
        else response.writeHead(401).end('{}')
      })
    })
  })

  test('is exchanged once for a token that opens the files', async () => {
    labelStudio.guard(upload, bytes, 'Bearer first')
    const images = new TaskImages({ labelStudioUrl: address, apiKey: key, allowedHosts: [] })
    const { signal } = new AbortController()

    await Promise.all([images.read(upload, signal), images.read(upload, signal)])

    expect(labelStudio.asked.map(({ url }) => url).sort()).toEqual([
      '/api/token/refresh/',
      upload,
      upload,
    ])
  })

  test('is exchanged again when that has expired', async () => {
    labelStudio.guard(upload, bytes, 'Bearer second')

    expect(await read(upload, { apiKey: key })).toEqual(bytes)
  })

  test('that is refused is said to be', async () => {
    await expect(read(upload, { apiKey: 'x.y.z' })).rejects.toThrow(
      'Label Studio refuses LABEL_STUDIO_API_KEY: HTTP 401',
    )
  })
})

describe('nothing is read', () => {
  test.each([
    { image: undefined, why: 'the task has no address of an image' },
    { image: 'street.png', why: 'the address of the image is none' },
    { image: 's3://bucket/a.png', why: 's3: addresses are not read' },
    { image: 'gs://bucket/a.png', why: 'gs: addresses are not read' },
    { image: 'file:///etc/passwd', why: 'file: addresses are not read' },
    { image: '//example.com/a.png', why: 'the address of the image is none' },
    { image: 'http://169.254.169.254/a', why: '--allow-host 169.254.169.254 allows it' },
    { image: '/api/users', why: '/api/users is no file of Label Studio' },
    { image: '/data/../api/users', why: '/api/users is no file of Label Studio' },
    { image: '/data/%2e%2e/api/users', why: '/api/users is no file of Label Studio' },
  ])('of $image', async ({ image, why }) => {
    await expect(read(image)).rejects.toThrow(why)

    expect(labelStudio.asked).toEqual([])
  })

  test('of what else the key opens', async () => {
    await expect(read(`${address}/api/users`)).rejects.toThrow('is no file of Label Studio')

    expect(labelStudio.asked).toEqual([])
  })

  test('from another port of the host of Label Studio', async () => {
    await expect(read(`${elsewhere}/a.png`)).rejects.toThrow('nothing is read from 127.0.0.1:')

    expect(other.asked).toEqual([])
  })

  test('from the host that a redirect leads to, be it allowed or not', async () => {
    labelStudio.redirect(upload, `${elsewhere}/a.png`)
    const allowedHosts = [new URL(elsewhere).host]

    await expect(read(upload, { allowedHosts })).rejects.toThrow('leads to another host')

    expect(other.asked).toEqual([])
  })

  test('where redirects do not end', async () => {
    labelStudio.redirect(upload, upload)

    await expect(read(upload)).rejects.toThrow('leads from one address to the next')
  })

  test('where Label Studio is not known', async () => {
    await expect(read(upload, { labelStudioUrl: undefined })).rejects.toThrow(
      'the image is a file of Label Studio: --label-studio-url is missing',
    )
  })

  test('beyond the limit', async () => {
    labelStudio.serve(upload, bytes)

    await expect(read(upload, { maxBytes: 10 })).rejects.toThrow('more than 10 bytes')
  })

  test.each([
    { what: 'is not there', serve: () => {}, why: /street\.png answers with HTTP 404$/ },
    {
      what: 'is guarded',
      serve: () => labelStudio.guard(upload, bytes, 'Token key'),
      why: /is LABEL_STUDIO_API_KEY set, and right\?$/,
    },
    {
      what: 'asks for a login',
      serve: () => labelStudio.redirect(upload, '/user/login/?next=x'),
      why: /is LABEL_STUDIO_API_KEY set, and right\?$/,
    },
    {
      what: 'breaks off',
      serve: () =>
        labelStudio.files.set(upload, (_, response) => {
          response.writeHead(200, { 'content-length': 100 }).write('x')
          response.destroy()
        }),
      why: /street\.png cannot be read$/,
    },
  ])('where the file $what, and the key is not in the reason', async ({ serve, why }) => {
    serve()

    const failure = read(`${upload}?secret=s`, { apiKey: 'wrong' })

    await expect(failure).rejects.toThrow(why)
    await expect(failure).rejects.not.toThrow(/wrong|secret/)
  })

  test('for somebody who has hung up', async () => {
    const images = new TaskImages({ labelStudioUrl: address, allowedHosts: [] })
    const gone = AbortSignal.abort(new Error('gone'))

    await expect(images.read(upload, gone)).rejects.toThrow('gone')
  })
})
