import type { CheckEnd, CheckLine, DatasetId, DatasetSample } from '../../schemas/index.ts'
import { writeWhole } from '../write-whole.ts'
import { type CheckOptions, checkDataset } from './check-process.ts'
import { type DatasetReport, reportPath } from './dataset-record.ts'
import { ErrorFile } from './error-file.ts'

const DATA = 'data.jsonl'

/** A dataset to validate. */
export interface Candidate {
  readonly id: DatasetId
  /** Where its `data.jsonl` lies. */
  readonly files: string
  /** Where the report goes. */
  readonly folder: string
}

interface Turn {
  readonly done: Promise<void>
  readonly stop: AbortController
}

/** Validates datasets, one at a time, in the order in which they come. */
export class Validator {
  readonly #options: CheckOptions
  readonly #turns = new Map<DatasetId, Turn>()
  #last: Promise<void> = Promise.resolve()

  constructor(options: CheckOptions) {
    this.#options = options
  }

  /** Resolves when its report is there. Rejects where there is none: see the log, or ask again. */
  validate(candidate: Candidate): Promise<void> {
    const turn = this.#turns.get(candidate.id)
    if (turn !== undefined) return turn.done

    const stop = new AbortController()
    const done = this.#last.then(() => this.#work(candidate, stop.signal))
    this.#turns.set(candidate.id, { done, stop })
    this.#last = done.catch((error) => {
      if (stop.signal.aborted) return
      this.#options.log.error({ err: error, dataset: candidate.id }, 'a check failed')
    })
    return done
  }

  /** Ends the validation of a dataset that is no longer wanted. */
  async cancel(id: DatasetId): Promise<void> {
    const turn = this.#turns.get(id)
    turn?.stop.abort(new Error('the dataset is no longer wanted'))
    await turn?.done.catch(() => {})
  }

  /** Ends all of it. What is not validated is validated after the next start. */
  async close(): Promise<void> {
    for (const { stop } of this.#turns.values()) stop.abort(new Error('the server is closing'))
    await this.#last
  }

  async #work(candidate: Candidate, signal: AbortSignal): Promise<void> {
    try {
      await writeReport(candidate, this.#options, signal)
    } finally {
      this.#turns.delete(candidate.id)
    }
  }
}

/** Checks a dataset and writes down what was found: first the errors, and then that it is over. */
async function writeReport(
  candidate: Candidate,
  options: CheckOptions,
  signal: AbortSignal,
): Promise<void> {
  const errors = await ErrorFile.create(candidate.folder)
  try {
    const report = await check(candidate.files, errors, options, signal)
    await errors.publish()
    await writeWhole(reportPath(candidate.folder), JSON.stringify(report))
  } finally {
    await errors.close()
  }
}

async function check(
  files: string,
  errors: ErrorFile,
  options: CheckOptions,
  signal: AbortSignal,
): Promise<DatasetReport> {
  const samples: DatasetSample[] = []
  let end: CheckEnd | undefined
  const hear = async (line: CheckLine): Promise<void> => {
    if (line.type === 'error') await errors.add(line.error)
    else if (line.type === 'sample') samples.push(line.sample)
    else end = line
  }
  const { stopped } = await checkDataset(files, hear, options, signal)
  if (stopped !== undefined) await errors.add({ file: DATA, line: null, message: stopped })
  return { counts: end?.counts ?? null, error_count: end?.error_count ?? errors.count, samples }
}
