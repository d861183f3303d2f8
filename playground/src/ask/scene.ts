/** What lies on the picture. */
import type { Location } from '@pixelllm/sdk'
import type { Mark } from './mark.ts'

export interface Scene {
  readonly marks: readonly Mark[]
  /** The mark that is looked at; -1 for none. */
  readonly lit: number
  /** The pixels of a thing, as large as the picture. */
  readonly mask: HTMLCanvasElement | undefined
  /** Where the question looks. */
  readonly asked: Location | undefined
}

export const emptyScene: Scene = { marks: [], lit: -1, mask: undefined, asked: undefined }
