/** Archives made byte by byte, so that they can be what no archiver makes. */
import { crc32, deflateRawSync } from 'node:zlib'

const BLOCK = 512

export interface TarEntry {
  readonly name: string
  readonly data?: string | Buffer
  /** `0` is a file, `1` a hard link, `2` a symbolic one, `5` a folder. */
  readonly type?: string
  readonly link?: string
  /** What the header claims in place of the size of the data. */
  readonly size?: number
  /** Written in a PAX header before the entry. */
  readonly pax?: Readonly<Record<string, string>>
}

export function tarOf(entries: readonly TarEntry[]): Buffer {
  return Buffer.concat([...entries.flatMap(tarBlocks), Buffer.alloc(2 * BLOCK)])
}

function tarBlocks({ pax, ...entry }: TarEntry): Buffer[] {
  const records = Object.entries(pax ?? {}).map(([key, value]) => paxRecord(`${key}=${value}\n`))
  const before = pax ? tarBlocks({ name: 'pax', type: 'x', data: records.join('') }) : []
  const data = Buffer.from(entry.data ?? '')
  const padding = Buffer.alloc((BLOCK - (data.length % BLOCK)) % BLOCK)
  return [...before, tarHeader(entry, data.length), data, padding]
}

/** Each record begins with its own length. */
function paxRecord(text: string): string {
  const bytes = Buffer.byteLength(text) + 1
  let length = bytes + String(bytes).length
  length = bytes + String(length).length
  return `${length} ${text}`
}

function tarHeader({ name, type = '0', link = '', size }: TarEntry, bytes: number): Buffer {
  const header = Buffer.alloc(BLOCK)
  header.write(name, 0, 100)
  header.write('0000777\0', 100)
  header.write(`${(size ?? bytes).toString(8).padStart(11, '0')} `, 124)
  header.write('00000000000 ', 136)
  header.write(' '.repeat(8), 148)
  header.write(type, 156)
  header.write(link, 157, 100)
  header.write('ustar\x0000', 257)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return header
}

export interface ZipEntry {
  readonly name: string
  readonly data?: string | Buffer
  /** The kind and the permissions of Unix. */
  readonly mode?: number
  readonly flags?: number
  /** What the directory claims in place of the size, the method and the checksum. */
  readonly size?: number
  readonly method?: number
  readonly crc?: number
  /** Bytes of the archive that it claims as its own in place of new ones. */
  readonly sharesWith?: number
  /** Writes the sizes and the place as 64-bit numbers. */
  readonly zip64?: boolean
}

export function zipOf(entries: readonly ZipEntry[]): Buffer {
  const parts: Buffer[] = []
  const places: number[] = []
  let length = 0
  for (const entry of entries) {
    const place = entry.sharesWith === undefined ? length : (places[entry.sharesWith] ?? 0)
    places.push(place)
    if (entry.sharesWith !== undefined) continue
    parts.push(zipLocal(entry))
    length += zipLocal(entry).length
  }
  const directory = Buffer.concat(entries.map((entry, i) => zipCentral(entry, places[i] ?? 0)))
  return Buffer.concat([...parts, directory, zipEnd(entries.length, directory.length, length)])
}

function zipFacts({ name, data = '', method = 8, flags = 0, size, crc }: ZipEntry) {
  const bytes = Buffer.from(data)
  const stored = method === 0 ? bytes : deflateRawSync(bytes)
  return {
    name: Buffer.from(name),
    stored,
    method,
    flags: flags | 0x800,
    size: size ?? bytes.length,
    crc: crc ?? crc32(bytes),
  }
}

function zipLocal(entry: ZipEntry): Buffer {
  const { name, stored, method, flags, size, crc } = zipFacts(entry)
  const header = Buffer.alloc(30)
  header.writeUInt32LE(0x04034b50, 0)
  header.writeUInt16LE(20, 4)
  header.writeUInt16LE(flags, 6)
  header.writeUInt16LE(method, 8)
  header.writeUInt32LE(crc, 14)
  header.writeUInt32LE(stored.length, 18)
  header.writeUInt32LE(size, 22)
  header.writeUInt16LE(name.length, 26)
  return Buffer.concat([header, name, stored])
}

function zipCentral(entry: ZipEntry, place: number): Buffer {
  const { name, stored, method, flags, size, crc } = zipFacts(entry)
  const large = entry.zip64 ? zip64Field(size, stored.length, place) : Buffer.alloc(0)
  const header = Buffer.alloc(46)
  header.writeUInt32LE(0x02014b50, 0)
  header.writeUInt16LE((3 << 8) | 45, 4)
  header.writeUInt16LE(45, 6)
  header.writeUInt16LE(flags, 8)
  header.writeUInt16LE(method, 10)
  header.writeUInt32LE(crc, 16)
  header.writeUInt32LE(entry.zip64 ? 0xffffffff : stored.length, 20)
  header.writeUInt32LE(entry.zip64 ? 0xffffffff : size, 24)
  header.writeUInt16LE(name.length, 28)
  header.writeUInt16LE(large.length, 30)
  header.writeUInt32LE(((entry.mode ?? 0o100644) << 16) >>> 0, 38)
  header.writeUInt32LE(entry.zip64 ? 0xffffffff : place, 42)
  return Buffer.concat([header, name, large])
}

function zip64Field(size: number, stored: number, place: number): Buffer {
  const field = Buffer.alloc(28)
  field.writeUInt16LE(1, 0)
  field.writeUInt16LE(24, 2)
  for (const [i, value] of [size, stored, place].entries()) {
    field.writeBigUInt64LE(BigInt(value), 4 + 8 * i)
  }
  return field
}

function zipEnd(count: number, bytes: number, place: number): Buffer {
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(count, 8)
  end.writeUInt16LE(count, 10)
  end.writeUInt32LE(bytes, 12)
  end.writeUInt32LE(place, 16)
  return end
}
