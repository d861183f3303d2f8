/** What is kept about a dataset, beside its files. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import {
  type Dataset,
  DatasetCounts,
  DatasetError,
  DatasetId,
  DatasetSample,
} from '../../schemas/index.ts'
import { codeOf } from '../error-code.ts'

const RECORD = 'dataset.json'
const REPORT = 'report.json'
const ERRORS = 'errors.jsonl'

/** `dataset.json`: it never changes. */
export const DatasetRecord = z.strictObject({
  id: DatasetId,
  name: z.string().nullable(),
  root: z.string().nullable(),
  bytes: z.int().min(0),
  created_at: z.iso.datetime(),
})
export type DatasetRecord = z.infer<typeof DatasetRecord>

/** `report.json`: what validation found. It is there when validation is over. */
export const DatasetReport = z.strictObject({
  /** Null where validation ended early. */
  counts: DatasetCounts.nullable(),
  error_count: z.int().min(0),
  samples: z.array(DatasetSample),
})
export type DatasetReport = z.infer<typeof DatasetReport>

export function recordPath(folder: string): string {
  return join(folder, RECORD)
}

export function reportPath(folder: string): string {
  return join(folder, REPORT)
}

/** A line for each error of the report. */
export function errorsPath(folder: string): string {
  return join(folder, ERRORS)
}

/** Nothing where there is no dataset in the folder. */
export async function readRecord(folder: string): Promise<DatasetRecord | undefined> {
  const text = await readIfThere(recordPath(folder))
  return text === undefined ? undefined : DatasetRecord.parse(JSON.parse(text))
}

/** Nothing while it is being validated. */
export async function readReport(folder: string): Promise<DatasetReport | undefined> {
  const text = await readIfThere(reportPath(folder))
  return text === undefined ? undefined : DatasetReport.parse(JSON.parse(text))
}

export async function readErrors(folder: string): Promise<DatasetError[]> {
  const text = (await readIfThere(errorsPath(folder))) ?? ''
  const lines = text.split('\n').filter((line) => line !== '')
  return lines.map((line) => DatasetError.parse(JSON.parse(line)))
}

export function describe(record: DatasetRecord, report: DatasetReport | undefined): Dataset {
  return {
    ...record,
    status: statusOf(report),
    counts: report?.counts ?? null,
    error_count: report?.error_count ?? 0,
  }
}

export function statusOf(report: DatasetReport | undefined): Dataset['status'] {
  if (report === undefined) return 'validating'
  return report.error_count === 0 ? 'ready' : 'invalid'
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}
