/** The picture of an answer: the image with everything marked that the answer is about. */
import sharp from 'sharp'
import { type ImageSize, type Location, type Task, TaskName } from '../../schemas/index.ts'
import { annotate } from './annotate.ts'
import { backdropOf, MAX_DRAWING_S } from './backdrop.ts'
import { drawSvg } from './draw-svg.ts'
import { geometryOf } from './geometry.ts'
import { type ColouredMask, drawMasks } from './mask-layer.ts'

export interface Subject {
  readonly task: Task
  readonly result: unknown
  /** Where the caller asked to look. */
  readonly location: Location | undefined
  readonly image: ImageSize & { readonly bytes: Uint8Array }
}

/** As an SVG file, which has the image in it and needs nothing from elsewhere. */
export async function drawAnnotatedSvg({
  task,
  result,
  location,
  image,
}: Subject): Promise<string> {
  const annotation = annotate(TaskName.parse(task.name), result, location)
  const geometry = geometryOf(image)
  const { left, top, right, bottom } = geometry.image
  const size = { width: right - left, height: bottom - top }
  const masks = annotation.marks.flatMap(({ mask, colour }): ColouredMask[] =>
    mask === undefined ? [] : [{ mask, colour }],
  )
  return drawSvg(annotation, geometry, {
    image: await backdropOf(image.bytes, size),
    masks: masks.length === 0 ? undefined : await drawMasks(masks, size),
  })
}

/** The same as a PNG file. */
export async function drawAnnotatedPng(subject: Subject): Promise<Uint8Array> {
  const svg = await drawAnnotatedSvg(subject)
  return sharp(Buffer.from(svg), { unlimited: true })
    .png()
    .timeout({ seconds: MAX_DRAWING_S })
    .toBuffer()
}
