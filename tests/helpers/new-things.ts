/** Scenes with things that `tiny` was never shown, and what a caption says of them. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { Box } from '../../schemas/index.ts'
import type { CaptionResult } from '../../sdk/src/index.ts'

const NEW_NAMES = ['robot', 'lantern', 'drum']

const Line = z.object({
  image: z.string(),
  regions: z.array(z.object({ box: Box, caption: z.string() })),
})

export interface Picture {
  readonly bytes: Uint8Array
  /** For each new name that something in the picture has, the box around all that have it. */
  readonly news: ReadonlyMap<string, Box>
}

/** The scenes that `writeScenes` has written into a folder. */
export async function readPictures(folder: string): Promise<Picture[]> {
  const lines = (await readFile(join(folder, 'data.jsonl'), 'utf8')).trim().split('\n')
  return Promise.all(
    lines.map(async (text) => {
      const { image, regions } = Line.parse(JSON.parse(text))
      const bytes = new Uint8Array(await readFile(join(folder, 'images', image)))
      return { bytes, news: newsOf(regions) }
    }),
  )
}

export interface Marks {
  /** New names that pictures have something for. */
  readonly there: number
  /** Of these, how many the caption of their picture says. */
  readonly named: number
  /** Of these, how many with the word's point where the things are. */
  readonly placed: number
  /** New names that a caption says without any such thing. */
  readonly wrong: number
}

/** What captions of pictures say of their new things. */
export function markCaptions(
  pictures: readonly Picture[],
  captions: readonly CaptionResult[],
): Marks {
  const marks = { there: 0, named: 0, placed: 0, wrong: 0 }
  for (const [index, { news }] of pictures.entries()) {
    const words = captions[index]?.words ?? []
    for (const name of NEW_NAMES) {
      const said = words.filter(({ text }) => text === name || text === `${name}s`)
      const box = news.get(name)
      if (box === undefined) marks.wrong += said.length > 0 ? 1 : 0
      else {
        marks.there += 1
        marks.named += said.length > 0 ? 1 : 0
        marks.placed += said.some(({ point }) => isInside(point, box)) ? 1 : 0
      }
    }
  }
  return marks
}

function newsOf(regions: z.infer<typeof Line>['regions']): Map<string, Box> {
  const news = new Map<string, Box>()
  for (const { box, caption } of regions) {
    const name = caption.split(' ').at(-1) ?? ''
    if (NEW_NAMES.includes(name)) news.set(name, around(news.get(name) ?? box, box))
  }
  return news
}

function around(a: Box, b: Box): Box {
  return [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[2], b[2]), Math.max(a[3], b[3])]
}

function isInside([x, y]: readonly number[], [x0, y0, x1, y1]: Box): boolean {
  return x !== undefined && y !== undefined && x >= x0 && x < x1 && y >= y0 && y < y1
}
