/** The replies that are pictures. */
import { z } from 'zod'
import type { Task } from './tasks/task.ts'

/** What a picture shows. */
const kinds = {
  annotated:
    'The image, enlarged where it is small and 1600 pixels wide or high at most, with everything marked that the answer is about, each with its label',
  mask: 'The mask alone, as an 8-bit greyscale PNG file of the size of the image: 255 where it is set and 0 elsewhere',
} as const

export type PictureKind = keyof typeof kinds

/** The query of a task whose reply can be a picture of its own kind besides the annotated image. */
export function pictureQuery({ picture: own }: Task) {
  const offered: readonly [PictureKind, ...PictureKind[]] =
    own === undefined ? ['annotated'] : ['annotated', own]
  const described = offered.map((kind) => `\`${kind}\`: ${lowerFirst(kinds[kind])}`)
  return z.strictObject({
    picture: z
      .enum(offered)
      .optional()
      .describe(
        `Asks for a picture, whatever else \`Accept\` takes; absent, \`Accept\` decides and a picture is the annotated one. ${described.join('. ')}.`,
      ),
  })
}

export const PngBody = pictureBody(
  'A PNG file: the annotated image, or what `picture` names. The scores of words are in JSON alone.',
)

export const SvgBody = z.string().meta({
  description:
    'The annotated image as an SVG file, with the image inside, a title and a description for those who do not see it, and no script',
})

function pictureBody(description: string): z.ZodType {
  return z
    .custom<Uint8Array>()
    .meta({ override: { type: 'string', format: 'binary', description } })
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}
