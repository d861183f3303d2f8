import { type FileHandle, open, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough, pipeline, type Readable } from 'node:stream'
import { pack } from 'tar-stream'
import { z } from 'zod'
import { CheckpointId, type TrainingCheckpoint } from '../../schemas/index.ts'
import { codeOf } from '../error-code.ts'
import { ApiError } from '../errors.ts'

/** What is read of `state.json`. */
const CheckpointState = z.looseObject({ step: z.int().min(0), score: z.number().nullish() })

/** The whole checkpoints of a run, the newest first. */
export async function listCheckpoints(runFolder: string): Promise<TrainingCheckpoint[]> {
  const folder = join(runFolder, 'checkpoints')
  const names = await readdir(folder).catch(whereMissing<string[]>([]))
  const ids = names.flatMap((name) => CheckpointId.safeParse(name).data ?? [])
  const found = await Promise.all(
    ids.map((id) => describe(folder, id).catch(whereMissing(undefined))),
  )
  return found.filter((checkpoint) => checkpoint !== undefined).sort((a, b) => b.step - a.step)
}

async function describe(folder: string, id: CheckpointId): Promise<TrainingCheckpoint> {
  const path = join(folder, id)
  const text = await readFile(join(path, 'state.json'), 'utf8')
  const { step, score } = CheckpointState.parse(JSON.parse(text))
  const names = await readdir(path)
  const files = await Promise.all(names.map((name) => stat(join(path, name))))
  const { mtime } = await stat(path)
  return {
    id,
    step,
    score: score ?? null,
    bytes: files.reduce((sum, { size }) => sum + size, 0),
    created_at: mtime.toISOString(),
  }
}

/** A checkpoint as a tar. Its files are opened first: the run may let go of it meanwhile. */
export async function packCheckpoint(runFolder: string, id: CheckpointId): Promise<Readable> {
  const folder = join(runFolder, 'checkpoints', id)
  const files: (readonly [string, FileHandle])[] = []
  try {
    for (const name of (await readdir(folder)).sort()) {
      files.push([name, await open(join(folder, name))])
    }
  } catch (error) {
    await closeAll(files)
    if (codeOf(error) !== 'ENOENT') throw error
    throw new ApiError('checkpoint_not_found', `the job keeps no checkpoint ${id}`, {
      cause: error,
    })
  }
  const archive = pack()
  // Where the reader goes away, the pipeline no longer listens: without a listener the process would end.
  archive.on('error', () => {})
  // What follows a failure is the end of the stream, which its reader sees.
  fill(archive, id, files)
    .then(() => archive.finalize())
    .catch((error) => archive.destroy(error))
    .finally(() => closeAll(files))
    .catch(() => {})
  return pipeline(archive, new PassThrough(), () => {})
}

type Archive = ReturnType<typeof pack>

async function fill(
  archive: Archive,
  id: CheckpointId,
  files: readonly (readonly [string, FileHandle])[],
): Promise<void> {
  for (const [name, file] of files) {
    const { size, mtime } = await file.stat()
    await new Promise<void>((resolve, reject) => {
      const entry = archive.entry({ name: `${id}/${name}`, size, mtime, mode: 0o600 }, (error) =>
        error ? reject(error) : resolve(),
      )
      entry.on('error', reject)
      file.createReadStream({ autoClose: false }).on('error', reject).pipe(entry)
    })
  }
}

async function closeAll(files: readonly (readonly [string, FileHandle])[]): Promise<void> {
  await Promise.all(files.map(([, file]) => file.close()))
}

function whereMissing<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (codeOf(error) !== 'ENOENT') throw error
    return value
  }
}
