/** Datasets that are sent, or that lie on the server already. */
export { readArchiveForm } from './archive-form.ts'
export { type DatasetStore, type FoundDataset, openDatasets } from './store.ts'
