import type { CaptionResult, StreamedWord } from './schema.ts'

/** An image file (JPEG, PNG or WebP), or one that the server keeps. */
export type ImageSource = Blob | Uint8Array<ArrayBuffer> | { readonly id: string }

/** A word as soon as it is written, then the whole answer. */
export type CaptionEvent =
  | ({ readonly type: 'word' } & StreamedWord)
  | { readonly type: 'done'; readonly result: CaptionResult }
