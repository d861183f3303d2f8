/** What a picture shows, whichever task it is about. All in pixels of the original image. */
import type { Box, Mask, Point } from '../../schemas/index.ts'

export interface Mark {
  readonly colour: string
  readonly shape: Shape
  /** What the picture writes beside it. */
  readonly label?: string
  readonly mask?: Mask
  /** Whether the caller gave it, as the place to look at; the others are the model's. */
  readonly asked?: boolean
}

export type Shape =
  | { readonly type: 'point'; readonly point: Point }
  | { readonly type: 'box'; readonly box: Box }

/** A part of the text below the picture, with the colour of what it names. */
export interface Span {
  readonly text: string
  readonly colour?: string
}

export interface Annotation {
  /** One line about the whole, for those who do not see it. */
  readonly title: string
  /** Everything that is marked, in words. */
  readonly description: string
  readonly marks: readonly Mark[]
  /** The paragraphs below the picture. */
  readonly text: readonly (readonly Span[])[]
}
