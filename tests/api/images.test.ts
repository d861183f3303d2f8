import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { ImageStore, type ReceivedImage, receiveImage } from '../../api/images.ts'
import { pngBytes } from '../helpers/pictures.ts'

const limits = { max_image_bytes: 1e6, max_image_pixels: 1e6, max_image_side: 1000 }
const TTL_S = 100

let directory: string
const opened: ImageStore[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pixelllm-images-'))
})

afterEach(async () => {
  for (const store of opened.splice(0)) store.close()
  await rm(directory, { recursive: true, force: true })
})

async function openStore(budget_bytes = 1e6): Promise<ImageStore> {
  const store = await ImageStore.open({ directory, ttl_s: TTL_S, budget_bytes })
  opened.push(store)
  return store
}

async function received(width = 40): Promise<ReceivedImage> {
  return receiveImage(await pngBytes(width), limits)
}

/** Makes it look as if nobody used an image for `age_s`. */
async function age(id: string, age_s: number): Promise<void> {
  const name = (await readdir(directory)).find((file) => file.startsWith(id))
  const time = Date.now() / 1000 - age_s
  await utimes(join(directory, name ?? ''), time, time)
}

describe('receiveImage', () => {
  test('names an image after its bytes', async () => {
    const image = await received()

    expect(image.sha256).toMatch(/^[0-9a-f]{64}$/)
    expect(image.id).toBe(`img_${image.sha256.slice(0, 32)}`)
    expect(image).toMatchObject({ width: 40, height: 30 })
  })
})

describe('ImageStore', () => {
  test('gives back the bytes that it was given', async () => {
    const store = await openStore()
    const image = await received()

    const stored = await store.store(image)

    expect(stored).toMatchObject({ id: image.id, width: 40, height: 30, bytes: image.bytes.length })
    expect(Date.parse(stored.expires_at)).toBeGreaterThan(Date.now() + (TTL_S - 5) * 1000)
    await expect(store.read(image.id)).resolves.toEqual(image)
  })

  test('keeps one copy of an image sent twice', async () => {
    const store = await openStore()
    const image = await received()

    await Promise.all([store.store(image), store.store(image)])
    await store.store(image)

    await expect(readdir(directory)).resolves.toEqual([`${image.id}.40x30`])
  })

  test('knows its images after a restart', async () => {
    const image = await received()
    await (await openStore()).store(image)

    await expect((await openStore()).read(image.id)).resolves.toEqual(image)
  })

  test('deletes on demand', async () => {
    const store = await openStore()
    const { id } = await store.store(await received())

    await store.delete(id)

    await expect(store.read(id)).rejects.toMatchObject({ code: 'image_not_found' })
    await expect(store.delete(id)).rejects.toMatchObject({ code: 'image_not_found' })
    await expect(readdir(directory)).resolves.toEqual([])
  })

  test('deletes what nobody used for its time to live', async () => {
    const old = await (await openStore()).store(await received(40))
    const used = await (await openStore()).store(await received(50))
    await age(old.id, TTL_S + 1)
    await age(used.id, TTL_S - 10)

    const store = await openStore()

    await expect(store.read(old.id)).rejects.toMatchObject({ code: 'image_not_found' })
    await expect(store.describe(used.id)).resolves.toMatchObject({ id: used.id })
    await expect(readdir(directory)).resolves.toEqual([`${used.id}.50x30`])
  })

  test('postpones the end of an image that is used', async () => {
    const { id } = await (await openStore()).store(await received())
    await age(id, TTL_S - 10)
    const store = await openStore()

    await store.read(id)

    const { expires_at } = await (await openStore()).describe(id)
    expect(Date.parse(expires_at)).toBeGreaterThan(Date.now() + (TTL_S - 10) * 1000)
  })

  test('makes room by deleting the image used longest ago', async () => {
    const [a, b, c] = [await received(40), await received(41), await received(42)]
    const store = await openStore(a.bytes.length + b.bytes.length + 10)
    await store.store(a)
    await store.store(b)
    await store.read(a.id)

    await store.store(c)

    await expect(store.read(a.id)).resolves.toMatchObject({ id: a.id })
    await expect(store.read(b.id)).rejects.toMatchObject({ code: 'image_not_found' })
    await expect(store.read(c.id)).resolves.toMatchObject({ id: c.id })
  })

  test('refuses an image larger than the whole budget', async () => {
    const store = await openStore(10)

    await expect(store.store(await received())).rejects.toMatchObject({ code: 'storage_full' })
  })

  test('takes an image whose file is gone for one that is not stored', async () => {
    const store = await openStore()
    const { id } = await store.store(await received())
    await rm(join(directory, `${id}.40x30`))

    await expect(store.read(id)).rejects.toMatchObject({ code: 'image_not_found' })
  })

  test('never answers with bytes that are not those of the id', async () => {
    const store = await openStore()
    const { id } = await store.store(await received())
    await writeFile(join(directory, `${id}.40x30`), await pngBytes(99))

    await expect(store.read(id)).rejects.toMatchObject({ code: 'image_not_found' })
    await expect(readdir(directory)).resolves.toEqual([])
  })

  test('leaves files alone that are not its own', async () => {
    await writeFile(join(directory, 'notes.txt'), 'mine')

    await openStore()

    await expect(readdir(directory)).resolves.toEqual(['notes.txt'])
  })

  test('clears away what an earlier process never finished', async () => {
    await writeFile(join(directory, 'img_x.partial'), 'half')
    const time = Date.now() / 1000 - 7200
    await utimes(join(directory, 'img_x.partial'), time, time)

    await openStore()

    await expect(readdir(directory)).resolves.toEqual([])
  })
})
