/** Archives as they are sent: hostile until they are unpacked. */
import { createWriteStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { archiveFailure } from './archive-failure.ts'
import { HEAD_BYTES, kindOf } from './archive-kind.ts'
import { type ArchiveLimits, Budget } from './archive-limits.ts'
import { unpackTar } from './archive-tar.ts'
import { unpackZip } from './archive-zip.ts'
import { decompress } from './decompress.ts'
import { type Unpacked, Unpacker } from './unpacker.ts'

const CONTENTS = 'contents'

/** A dataset that was unpacked. */
export interface UnpackedDataset extends Pick<Unpacked, 'files'> {
  /** Where its `data.jsonl` and its `images` lie. */
  readonly folder: string
}

/**
 * One archive on its way from a caller to a folder of its own. A tar is unpacked while it is
 * received; a zip, whose directory comes last, is kept until it is there. When anything fails, the
 * folder is left as it is, for whoever made it to remove.
 */
export class IncomingArchive {
  readonly #folder: string
  readonly #budget: Budget
  readonly #unpacker: Unpacker
  #zip: string | undefined

  constructor(folder: string, limits: ArchiveLimits) {
    this.#folder = folder
    this.#budget = new Budget(limits)
    this.#unpacker = new Unpacker(join(folder, CONTENTS), this.#budget)
  }

  /** Takes all of it. */
  async receive(archive: Readable): Promise<void> {
    try {
      await mkdir(join(this.#folder, CONTENTS), { mode: 0o700 })
      await this.#receive(this.#budget.receive(archive))
    } catch (error) {
      throw archiveFailure(error)
    } finally {
      archive.destroy()
    }
  }

  /** Unpacks what is not unpacked yet, once all is received. */
  async unpack(): Promise<UnpackedDataset> {
    try {
      if (this.#zip !== undefined) await this.#unpackZip(this.#zip)
    } catch (error) {
      throw archiveFailure(error)
    }
    const { root, files } = this.#unpacker.finish()
    return { folder: join(this.#folder, CONTENTS, root), files }
  }

  async #receive(archive: AsyncGenerator<Buffer>): Promise<void> {
    const { head, whole } = await peek(archive)
    switch (kindOf(head)) {
      case 'tar':
        return unpackTar(this.#budget.unpack(whole), this.#unpacker)
      case 'tar.gz':
        return unpackTar(this.#budget.unpack(decompress(whole, createGunzip())), this.#unpacker)
      case 'zip':
        this.#zip = join(this.#folder, 'archive.zip')
        return pipeline(whole, createWriteStream(this.#zip, { flags: 'wx', mode: 0o600 }))
    }
  }

  async #unpackZip(zip: string): Promise<void> {
    await unpackZip(zip, this.#unpacker, this.#budget)
    await rm(zip)
  }
}

/** Looks at the beginning of what comes; `whole` has it too. */
async function peek(
  bytes: AsyncGenerator<Buffer>,
): Promise<{ head: Buffer; whole: AsyncGenerator<Buffer> }> {
  let head = Buffer.alloc(0)
  while (head.length < HEAD_BYTES) {
    const { value, done } = await bytes.next()
    if (done) break
    head = Buffer.concat([head, value])
  }
  return { head, whole: resume(head, bytes) }
}

async function* resume(head: Buffer, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head
  yield* rest
}
