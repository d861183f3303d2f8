import type { ApiError, LabelStudioPrediction, LabelStudioResult } from '@pixelllm/sdk'
import { lacksTask } from './failures.ts'
import { findMarks } from './find-marks.ts'
import type { Control, LabelConfig } from './label-config.ts'
import { type Mark, noteOf, shapeOf, textOf } from './marks.ts'
import type { Picture } from './picture.ts'
import { predictionOf } from './prediction.ts'

export interface PreAnnotateOptions {
  /** The name of the model that is asked. */
  readonly model: string
  /** From which score on what is found for a label counts. */
  readonly minScore: number
  /** Hears of a tag that the model has no part for. */
  readonly onUnsupported: (control: Control, error: ApiError) => void
}

/** The tags of a labelling configuration, filled in for one picture. */
export async function preAnnotate(
  picture: Picture,
  { image, controls }: LabelConfig,
  { model, minScore, onUnsupported }: PreAnnotateOptions,
): Promise<LabelStudioPrediction> {
  const result: LabelStudioResult[] = []
  for (const control of controls) {
    try {
      if (control.marks === 'text') {
        if (!control.perRegion) result.push(await captionOf(picture, control, image.name))
        continue
      }
      const marks = await findMarks(picture, control, minScore)
      for (const [index, mark] of marks.entries()) {
        const shape = shapeOf(mark, `${control.name}-${index + 1}`, image.name)
        result.push(shape, ...(await notesOf(picture, mark, shape, controls)))
      }
    } catch (error) {
      if (!lacksTask(error)) throw error
      onUnsupported(control, error)
    }
  }
  return predictionOf(model, result)
}

async function captionOf(
  picture: Picture,
  control: Control,
  to_name: string,
): Promise<LabelStudioResult> {
  const { caption: text, score, image } = await picture.caption('box')
  return textOf(control, to_name, { text, score, image })
}

/** What is written about a mark where there is a tag for it. */
async function notesOf(
  picture: Picture,
  mark: Mark,
  shape: LabelStudioResult,
  controls: readonly Control[],
): Promise<LabelStudioResult[]> {
  const tags = controls.filter(({ marks, perRegion }) => marks === 'text' && perRegion)
  if (tags.length === 0) return []
  const note = mark.described ? mark : await descriptionOf(picture, mark)
  return tags.map((tag) => noteOf(shape, tag, note))
}

async function descriptionOf(picture: Picture, { control, box, point }: Mark) {
  const location =
    control.marks === 'point'
      ? ({ type: 'point', point } as const)
      : ({ type: 'box', box } as const)
  const { caption: text, score } = await picture.describe(location)
  return { text, score }
}
