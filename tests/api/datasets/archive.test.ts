import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { IncomingArchive, type UnpackedDataset } from '../../../api/datasets/archive.ts'
import type { ArchiveLimits } from '../../../api/datasets/archive-limits.ts'
import { datasetIdOf } from '../../../api/datasets/dataset-files.ts'
import { type TarEntry, tarOf, type ZipEntry, zipOf } from '../../helpers/archives.ts'

const MIB = 2 ** 20
const limits: ArchiveLimits = {
  max_bytes: 64 * MIB,
  room_bytes: 64 * MIB,
  max_file_bytes: 32 * MIB,
  max_files: 20,
  max_ratio: 100,
}
const line = { name: 'data.jsonl', data: '{"image": "a.png"}\n' }
const image = { name: 'images/a.png', data: 'not decoded here' }
const dataset = [line, { name: 'images/', type: '5', mode: 0o040755 }, image]

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelllm-archive-'))
})

afterEach(() => rm(folder, { recursive: true, force: true }))

async function unpack(
  archive: Buffer,
  some: Partial<ArchiveLimits> = {},
  chunk = 65_536,
): Promise<UnpackedDataset> {
  const incoming = new IncomingArchive(folder, { ...limits, ...some })
  await incoming.receive(Readable.from(chunksOf(archive, chunk), { objectMode: false }))
  return incoming.unpack()
}

function* chunksOf(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function filesUnder(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort()
}

const forms: [string, (entries: readonly (TarEntry & ZipEntry)[]) => Buffer][] = [
  ['tar', tarOf],
  ['tar.gz', (entries) => gzipSync(tarOf(entries))],
  ['zip', zipOf],
]

describe.each(forms)('a dataset in a %s', (_, make) => {
  test('is unpacked to files that cannot be written to', async () => {
    const { folder: root, files } = await unpack(make(dataset))

    expect(await filesUnder(root)).toEqual(['data.jsonl', 'images/a.png'])
    expect(await readFile(join(root, 'data.jsonl'), 'utf8')).toBe(line.data)
    expect((await stat(join(root, 'images/a.png'))).mode & 0o777).toBe(0o400)
    expect(files.map(({ path, bytes }) => [path, bytes])).toEqual([
      ['data.jsonl', 19],
      ['images/a.png', 16],
    ])
  })

  test('has the same name in whatever order and folder its files are', async () => {
    const inside = [image, line].map((file) => ({ ...file, name: `./my data/${file.name}` }))

    const one = await unpack(make(dataset))
    await rm(folder, { recursive: true })
    folder = await mkdtemp(join(tmpdir(), 'pixelllm-archive-'))
    const other = await unpack(make(inside), {}, 37)

    expect(datasetIdOf(other.files)).toBe(datasetIdOf(one.files))
    expect(datasetIdOf(one.files)).toBe('ds_9c1fd614072b38bccd6934ebb8f82320')
  })

  test('may lie in a folder that is called images', async () => {
    const inside = dataset.map((file) => ({ ...file, name: `images/${file.name}` }))

    const { folder: root } = await unpack(make(inside))

    expect(await filesUnder(root)).toEqual(['data.jsonl', 'images/a.png'])
  })

  test('is without what macOS adds', async () => {
    const added = ['__MACOSX/._data.jsonl', '.DS_Store', 'images/.DS_Store', 'images/._a.png']

    const { files } = await unpack(
      make([...dataset, ...added.map((name) => ({ name, data: 'x'.repeat(9000) }))]),
    )

    expect(files.map(({ path }) => path)).toEqual(['data.jsonl', 'images/a.png'])
  })

  const unsafe: [string, (TarEntry & ZipEntry)[], string][] = [
    ['an absolute name', [{ name: '/etc/passwd' }], '"/etc/passwd" is an absolute path'],
    ['a drive', [{ name: 'C:/x' }], '"C:/x" is an absolute path'],
    ['..', [{ name: 'images/../../x' }], '"images/../../x" leads out of its folder'],
    ['a backslash', [{ name: 'images\\x' }], 'has a backslash in its name'],
    ['a line break', [{ name: 'images/a\nb' }], '"images/a\\nb" has a control character'],
    ['no text', [{ name: 'images/\ufffd' }], 'has a name that is not UTF-8'],
    [
      'a link',
      [{ name: 'images/x', type: '2', link: '/etc', mode: 0o120777 }],
      '"images/x" is a link: put the file itself',
    ],
    [
      'a device',
      [{ name: 'images/x', type: '3', mode: 0o020666 }],
      '"images/x" is neither a file nor a folder',
    ],
    [
      'a fifo',
      [{ name: 'images/x', type: '6', mode: 0o010666 }],
      '"images/x" is neither a file nor a folder',
    ],
    ['a name twice', [image, image], '"images/a.png" is there twice'],
    ['another case', [image, { name: 'images/A.PNG' }], 'are one name to some systems'],
    [
      'another Unicode form',
      [{ name: 'images/é' }, { name: 'images/e\u0301' }],
      'are one name to some systems',
    ],
    ['a folder of another case', [{ name: 'images/x/1' }, { name: 'images/X/2' }], 'one name'],
    ['a file that is a folder', [image, { name: 'images/a.png/b' }], 'both a file and a folder'],
    ['a folder that is a file', [{ name: 'images/b/c' }, { name: 'images/b' }], 'both a file and'],
    ['many folders', [{ name: `images/${'d/'.repeat(16)}x` }], 'more than 16 folders deep'],
    ['another file', [{ name: 'notes.txt' }], '"notes.txt" is not expected: a dataset has'],
    ['a second folder', [{ name: 'a/images/1' }, { name: 'b/images/1' }], '"b/images/1" is not'],
    ['a stray file in it', [{ name: 'a/data.jsonl' }, { name: 'a/x' }], '"a/x" is not expected'],
    ['a hidden link', [{ name: '._x', type: '2', mode: 0o120777 }], '"._x" is a link'],
    ['a bad name left out', [{ name: '__MACOSX/../../x' }], 'leads out of its folder'],
  ]

  test.each(unsafe)('is refused for %s', async (_, entries, sentence) => {
    await expect(unpack(make(entries))).rejects.toMatchObject({
      code: 'archive_unsafe',
      message: expect.stringContaining(sentence),
    })
  })

  test.each([
    ['no data.jsonl', [image]],
    ['no images', [line]],
    ['nothing', []],
  ])('is refused for %s', async (_, entries) => {
    await expect(unpack(make(entries))).rejects.toMatchObject({ code: 'archive_unreadable' })
  })

  test.each<[string, Partial<ArchiveLimits>, string]>([
    ['an archive', { max_bytes: 100 }, 'more than 100 bytes'],
    ['a file', { max_file_bytes: 18 }, '"data.jsonl" has more than 18 bytes'],
    ['entries', { max_files: 2 }, 'more than 2 entries'],
  ])('is refused for too large %s', async (_, some, sentence) => {
    await expect(unpack(make(dataset), some)).rejects.toMatchObject({
      code: 'archive_too_large',
      message: expect.stringContaining(sentence),
    })
  })

  test('is refused where the store has no room for it', async () => {
    await expect(unpack(make(dataset), { room_bytes: 20 })).rejects.toMatchObject({
      code: 'storage_full',
    })
  })

  test('is refused where it is cut short, wherever that is', async () => {
    const whole = make([...dataset, { name: 'images/b.png', data: randomBytes(3000) }])

    for (const length of [1, 100, 513, 1000, 2500, whole.length - 1025]) {
      await rm(folder, { recursive: true })
      folder = await mkdtemp(join(tmpdir(), 'pixelllm-archive-'))

      const unpacking = unpack(whole.subarray(0, Math.min(length, whole.length - 1)))

      await expect(unpacking).rejects.toMatchObject({ code: 'archive_unreadable' })
    }
  })
})

describe('a tar', () => {
  test.each<[string, TarEntry[]]>([
    ['GNU', [{ name: '././@LongLink', type: 'L', data: `images/${'n'.repeat(200)}\0` }, image]],
    ['PAX', [{ ...image, pax: { path: `images/${'n'.repeat(200)}` } }]],
  ])('may have long names as %s writes them', async (_, entries) => {
    const { files } = await unpack(tarOf([line, ...entries]))

    expect(files[1]?.path).toBe(`images/${'n'.repeat(200)}`)
  })

  test.each<[string, TarEntry[]]>([
    ['GNU', [{ name: '././@LongLink', type: 'L', data: '../x\0' }, image]],
    ['PAX', [{ ...image, pax: { path: '../x' } }]],
    [
      'global PAX',
      [
        { name: 'g', type: 'g', data: '13 path=../x\n' },
        { ...image, pax: { a: 'b' } },
      ],
    ],
  ])('is judged by the long names that %s writes', async (_, entries) => {
    await expect(unpack(tarOf([line, ...entries]))).rejects.toMatchObject({
      code: 'archive_unsafe',
    })
  })

  test.each<[string, TarEntry, string]>([
    ['a hard link', { name: 'images/x', type: '1', link: 'data.jsonl' }, 'is a link'],
    ['an old sparse file', { name: 'images/x', type: 'S' }, 'is neither a file nor a folder'],
    ['a sparse file', { ...image, pax: { 'GNU.sparse.major': '1' } }, 'is a sparse file'],
    ['an unknown kind', { name: 'images/x', type: 'Z' }, 'is neither a file nor a folder'],
    [
      'a long part',
      { ...image, pax: { path: `images/${'x'.repeat(256)}` } },
      'more than 255 bytes',
    ],
    ['a long name', { ...image, pax: { path: 'images/x'.repeat(200) } }, 'more than 1024 bytes'],
  ])('is refused for %s', async (_, entry, sentence) => {
    await expect(unpack(tarOf([line, entry]))).rejects.toMatchObject({
      code: 'archive_unsafe',
      message: expect.stringContaining(sentence),
    })
  })

  test.each<[string, TarEntry]>([
    ['a size that it does not have', { ...image, size: 10 * MIB }],
    ['a size below 0', { ...image, pax: { size: '-5' } }],
    ['a size that is no number', { ...image, pax: { size: 'x' } }],
    ['a header of megabytes', { name: 'x', type: 'x', size: 2 ** 31 }],
  ])('is refused for %s', async (_, entry) => {
    await expect(unpack(tarOf([line, entry]))).rejects.toMatchObject({ code: 'archive_unreadable' })
  })

  test('is refused for a header that is damaged', async () => {
    const archive = tarOf(dataset)
    archive.write('x', 1024)

    await expect(unpack(archive)).rejects.toMatchObject({ code: 'archive_unreadable' })
  })
})

describe('a tar.gz', () => {
  test('may be several that follow each other', async () => {
    const tar = tarOf(dataset)
    const archive = Buffer.concat([gzipSync(tar.subarray(0, 700)), gzipSync(tar.subarray(700))])

    await expect(unpack(archive)).resolves.toMatchObject({ files: { length: 2 } })
  })

  test('is refused where it is blown up, with little of it written', async () => {
    const bomb = gzipSync(tarOf([line, { ...image, data: Buffer.alloc(30 * MIB) }]))

    await expect(unpack(bomb)).rejects.toMatchObject({
      code: 'archive_too_large',
      message: expect.stringContaining('more than 100 times its own size'),
    })
    expect((await stat(join(folder, 'contents/images/a.png'))).size).toBeLessThan(17 * MIB)
  })

  test('is refused where it is blown up behind the end of the tar', async () => {
    const bomb = gzipSync(Buffer.concat([tarOf(dataset), Buffer.alloc(40 * MIB)]))

    await expect(unpack(bomb)).rejects.toMatchObject({ code: 'archive_too_large' })
  })

  test('is refused where its bytes are damaged', async () => {
    const archive = gzipSync(tarOf([line, { ...image, data: randomBytes(5000) }]))
    archive.fill(0, 2000, 2100)

    await expect(unpack(archive)).rejects.toMatchObject({ code: 'archive_unreadable' })
  })

  test('is refused where it holds something else', async () => {
    await expect(unpack(gzipSync(zipOf(dataset)))).rejects.toMatchObject({
      code: 'archive_unreadable',
    })
  })
})

describe('a zip', () => {
  test('may be of 64 bits', async () => {
    const large = [line, image].map((entry) => ({ ...entry, zip64: true }))

    await expect(unpack(zipOf(large))).resolves.toMatchObject({ files: { length: 2 } })
  })

  test('may store its files', async () => {
    const stored = [line, image].map((entry) => ({ ...entry, method: 0 }))

    await expect(unpack(zipOf(stored))).resolves.toMatchObject({ files: { length: 2 } })
  })

  test.each<[string, Partial<ZipEntry>, string]>([
    ['encrypted', { flags: 1 }, 'is encrypted'],
    ['strongly encrypted', { flags: 0x41 }, 'strong encryption'],
    ['compressed otherwise', { method: 12 }, 'is compressed in an unusual way'],
    ['larger than it says', { size: 3 }, 'has more bytes than it says'],
    ['smaller than it says', { size: 300 }, 'has fewer bytes than it says'],
    ['of another size, stored', { size: 3, method: 0 }, 'size mismatch'],
    ['of another checksum', { crc: 7 }, 'its checksum is another one'],
  ])('is refused where an entry is %s', async (_, fault, sentence) => {
    await expect(unpack(zipOf([line, { ...image, ...fault }]))).rejects.toMatchObject({
      code: 'archive_unreadable',
      message: expect.stringContaining(sentence),
    })
  })

  test('is refused where entries share their bytes', async () => {
    const shared = { ...image, name: 'images/b.png', sharesWith: 1 }

    await expect(unpack(zipOf([line, image, shared]))).rejects.toMatchObject({
      code: 'archive_unsafe',
      message: 'the entry "images/b.png" shares its bytes with another entry',
    })
  })

  test('is refused where it is blown up', async () => {
    const bomb = zipOf([line, { ...image, data: Buffer.alloc(30 * MIB) }])

    await expect(unpack(bomb)).rejects.toMatchObject({ code: 'archive_too_large' })
  })

  test('is refused where its directory is damaged', async () => {
    const archive = zipOf(dataset)
    archive.writeUInt32LE(0, archive.indexOf('PK\x01\x02'))

    await expect(unpack(archive)).rejects.toMatchObject({ code: 'archive_unreadable' })
  })
})

test.each<[string, Buffer, string]>([
  ['nothing', Buffer.alloc(0), 'the archive is empty'],
  ['text', Buffer.from('{"image": "a.png"}'), 'this is no archive'],
  ['xz', Buffer.from('fd377a585a000004', 'hex'), 'this is xz'],
  ['rar', Buffer.from('526172211a070100', 'hex'), 'this is rar'],
])('what is no archive of ours is refused: %s', async (_, bytes, sentence) => {
  await expect(unpack(bytes)).rejects.toMatchObject({
    code: 'archive_unreadable',
    message: `${sentence}; send a tar, a tar.gz or a zip`,
  })
})
