import { z } from 'zod'

const Percent = z.number().min(0).max(100)
const Label = z.tuple([z.string()])
const Geometry = {
  box: { x: Percent, y: Percent, width: Percent, height: Percent, rotation: z.literal(0) },
  brush: { format: z.literal('rle'), rle: z.array(z.int().min(0).max(255)).min(1) },
  point: { x: Percent, y: Percent, width: Percent },
}
const Text = { text: z.tuple([z.string().min(1)]) }
const Common = {
  id: z.string().min(1),
  from_name: z.string(),
  to_name: z.string(),
  original_width: z.int().positive(),
  original_height: z.int().positive(),
  image_rotation: z.literal(0),
  score: z.number().min(0).max(1),
  meta: z.strictObject(Text).optional(),
}

/** A result as the documentation of each tag has it. */
export const Result = z.discriminatedUnion('type', [
  z.strictObject({ ...Common, type: z.literal('rectangle'), value: z.strictObject(Geometry.box) }),
  z.strictObject({
    ...Common,
    type: z.literal('rectanglelabels'),
    value: z.strictObject({ ...Geometry.box, rectanglelabels: Label }),
  }),
  z.strictObject({ ...Common, type: z.literal('brush'), value: z.strictObject(Geometry.brush) }),
  z.strictObject({
    ...Common,
    type: z.literal('brushlabels'),
    value: z.strictObject({ ...Geometry.brush, brushlabels: Label }),
  }),
  z.strictObject({ ...Common, type: z.literal('keypoint'), value: z.strictObject(Geometry.point) }),
  z.strictObject({
    ...Common,
    type: z.literal('keypointlabels'),
    value: z.strictObject({ ...Geometry.point, keypointlabels: Label }),
  }),
  z.strictObject({
    ...Common,
    type: z.literal('textarea'),
    value: z.union([
      z.strictObject(Text),
      z.strictObject({ ...Geometry.box, ...Text }),
      z.strictObject({ ...Geometry.brush, ...Text }),
      z.strictObject({ ...Geometry.point, ...Text }),
    ]),
  }),
])

export const Prediction = z.strictObject({
  model_version: z.string().min(1),
  score: z.number().min(0).max(1),
  result: z.array(Result),
})
export type Prediction = z.infer<typeof Prediction>

/** What a backend replies to `/predict`: a prediction for each task, or nothing. */
export const Predictions = z.strictObject({
  results: z.array(z.union([Prediction, z.tuple([])])),
})
export type Predictions = z.infer<typeof Predictions>

/** Throws where a result has a name, a type or a label that the configuration has not. */
export function checkNames({ result }: Prediction, xml: string): void {
  for (const { from_name, to_name, type, value } of result) {
    const tag = new RegExp(`<(\\w+)[^>]* name="${from_name}"[^>]*>`).exec(xml)
    if (tag?.[1]?.toLowerCase() !== type) throw new Error(`no ${type} is named ${from_name}`)
    if (!tag[0].includes(`toName="${to_name}"`))
      throw new Error(`${from_name} is not for ${to_name}`)
    for (const [name, labels] of Object.entries(value)) {
      if (!name.endsWith('labels')) continue
      const body = xml.slice(tag.index).split(`</${tag[1]}>`)[0] ?? ''
      for (const label of Array.isArray(labels) ? labels : []) {
        if (!body.includes(`value="${label}"`)) throw new Error(`${from_name} has no ${label}`)
      }
    }
  }
}
