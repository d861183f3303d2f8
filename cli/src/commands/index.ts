import type { Command } from '../command.ts'
import { batch } from './batch.ts'
import { caption } from './caption.ts'
import {
  deleteDataset,
  listDatasets,
  registerDataset,
  showDataset,
  uploadDataset,
} from './datasets.ts'
import { dense } from './dense.ts'
import { describe } from './describe.ts'
import { health } from './health.ts'
import { cancelJob, followJob, listJobs, pauseJob, resumeJob, showJob } from './jobs.ts'
import { labelStudio } from './label-studio.ts'
import { locate } from './locate.ts'
import { activateModel, deactivateModel, deleteModel, listModels } from './models.ts'
import { segment } from './segment.ts'
import { train } from './train.ts'

/** Every command by its name, of one word or two. */
export const commands: ReadonlyMap<string, Command> = new Map([
  ['caption', caption],
  ['describe', describe],
  ['locate', locate],
  ['segment', segment],
  ['dense', dense],
  ['batch', batch],
  ['datasets upload', uploadDataset],
  ['datasets register', registerDataset],
  ['datasets list', listDatasets],
  ['datasets show', showDataset],
  ['datasets delete', deleteDataset],
  ['train', train],
  ['jobs list', listJobs],
  ['jobs show', showJob],
  ['jobs follow', followJob],
  ['jobs cancel', cancelJob],
  ['jobs pause', pauseJob],
  ['jobs resume', resumeJob],
  ['models list', listModels],
  ['models activate', activateModel],
  ['models deactivate', deactivateModel],
  ['models delete', deleteModel],
  ['label-studio', labelStudio],
  ['health', health],
])
