/** The models of this server, loaded or not. */
export { readActive, sourcesOf } from './active-models.ts'
export { type ModelHost, ModelRegistry } from './registry.ts'
