import { type Box, decodeMask, type Mask, type Point } from '@pixelllm/sdk'
import { type Control, EVERYTHING } from './label-config.ts'
import type { Mark } from './marks.ts'
import { namesIn } from './names.ts'
import type { Picture } from './picture.ts'

/** What a tag asks for: one of its labels, and what to look for. */
interface Wanted {
  readonly control: Control
  readonly label: string | undefined
  readonly phrase: string
}

/** What there is to mark with a tag. What is found by a phrase counts from `minScore` on. */
export async function findMarks(
  picture: Picture,
  control: Control,
  minScore: number,
): Promise<Mark[]> {
  const wanted = control.labels.flatMap(({ value, phrases }) =>
    phrases.map((phrase) => ({ control, label: value, phrase })),
  )
  const everything = { control, label: undefined, phrase: EVERYTHING }
  const marks: Mark[] = []
  for (const one of control.type.endsWith('labels') ? wanted : [everything]) {
    marks.push(...(await findOne(picture, one, minScore)))
  }
  return marks.filter(({ mask }) => mask === undefined || decodeMask(mask).includes(1))
}

async function findOne(picture: Picture, wanted: Wanted, minScore: number): Promise<Mark[]> {
  if (wanted.control.marks === 'point') return findNames(picture, wanted)
  if (wanted.phrase === EVERYTHING) return findRegions(picture, wanted)
  const found = await findPhrase(picture, wanted)
  return found.score < minScore ? [] : [found]
}

/** The words of the caption that name something. */
async function findNames(picture: Picture, { control, label, phrase }: Wanted): Promise<Mark[]> {
  const caption = await picture.caption('box')
  const { image } = caption
  return namesIn(caption, phrase).map(({ text, box, point, score }) => {
    return { control, label, image, box, point, score, text, described: false }
  })
}

async function findRegions(picture: Picture, { control, label }: Wanted): Promise<Mark[]> {
  const masks = control.marks === 'mask'
  const { regions, image } = await picture.regions(masks)
  return regions.map(({ box, caption: text, score, mask }) => {
    const place = { box, point: centreOf(box), ...(masks && { mask }) }
    return { control, label, image, ...place, score, text, described: true }
  })
}

async function findPhrase(picture: Picture, { control, label, phrase }: Wanted): Promise<Mark> {
  const answer: { box: Box; mask?: Mask; score: number; image: Mark['image'] } =
    control.marks === 'mask' ? await picture.segment(phrase) : await picture.locate(phrase)
  const { box, mask, score, image } = answer
  const place = { box, point: centreOf(box), mask }
  return { control, label, image, ...place, score, text: phrase, described: false }
}

function centreOf([xMin, yMin, xMax, yMax]: Box): Point {
  return [(xMin + xMax) / 2, (yMin + yMax) / 2]
}
