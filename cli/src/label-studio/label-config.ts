import type { LabelStudioType } from '@pixelllm/sdk'
import { DOMParser, type Element, onErrorStopParsing } from '@xmldom/xmldom'

/** What annotators are to mark on an image, from the XML of a labelling configuration. */
export interface LabelConfig {
  readonly image: ImageTag
  /** The tags about it that can be filled in, at least one. */
  readonly controls: readonly Control[]
}

export interface ImageTag {
  readonly name: string
  /** Where the data of a task have the image's address. */
  readonly field: string
}

export interface Control {
  readonly name: string
  readonly type: LabelStudioType
  readonly marks: 'box' | 'mask' | 'point' | 'text'
  /** Empty for a tag without labels. */
  readonly labels: readonly Label[]
  /** Whether it is a text about each mark and not about the image. */
  readonly perRegion: boolean
}

export interface Label {
  readonly value: string
  /** What is looked for, each by itself; `EVERYTHING` for all that there is. */
  readonly phrases: readonly string[]
}

/** In `predicted_values`: a label for everything that the model finds. */
export const EVERYTHING = '*'

/** The labelling configuration cannot be worked with; the message says what it needs. */
export class LabelConfigError extends Error {
  override readonly name = 'LabelConfigError'
}

const MARKS: Readonly<Record<string, Pick<Control, 'type' | 'marks'>>> = {
  Rectangle: { type: 'rectangle', marks: 'box' },
  RectangleLabels: { type: 'rectanglelabels', marks: 'box' },
  Brush: { type: 'brush', marks: 'mask' },
  BrushLabels: { type: 'brushlabels', marks: 'mask' },
  KeyPoint: { type: 'keypoint', marks: 'point' },
  KeyPointLabels: { type: 'keypointlabels', marks: 'point' },
  TextArea: { type: 'textarea', marks: 'text' },
}

/**
 * @see https://labelstud.io/guide/setup
 * @see https://labelstud.io/tags
 */
export function readLabelConfig(xml: string): LabelConfig {
  const elements = parse(xml)
  const controls = elements.flatMap((element) => {
    const kind = MARKS[element.tagName]
    return kind === undefined ? [] : [{ element, kind }]
  })
  const images = elements.filter(({ tagName }) => tagName === 'Image').map(imageTagOf)
  if (images.length === 0) throw new LabelConfigError('the labelling configuration has no <Image>')
  for (const image of images) {
    const own = controls.filter(({ element }) => targetsOf(element).includes(image.name))
    if (own.length === 0) continue
    return { image, controls: own.map(({ element, kind }) => controlOf(element, kind)) }
  }
  const known = Object.keys(MARKS).join(', ')
  throw new LabelConfigError(`the labelling configuration has none of these on an image: ${known}`)
}

function parse(xml: string): Element[] {
  try {
    const document = new DOMParser({ onError: onErrorStopParsing }).parseFromString(xml, 'text/xml')
    return Array.from(document.getElementsByTagName('*'))
  } catch (cause) {
    throw new LabelConfigError('the labelling configuration is not well-formed XML', { cause })
  }
}

function imageTagOf(element: Element): ImageTag {
  const [, field] = /^\$(.+)$/.exec(element.getAttribute('value') ?? '') ?? []
  if (field === undefined) {
    throw new LabelConfigError('the <Image> needs a value like $image, a field of the task')
  }
  return { name: element.getAttribute('name') ?? '', field }
}

function controlOf(element: Element, kind: Pick<Control, 'type' | 'marks'>): Control {
  return {
    ...kind,
    name: element.getAttribute('name') ?? '',
    labels: kind.type.endsWith('labels')
      ? Array.from(element.getElementsByTagName('Label')).flatMap(labelOf)
      : [],
    perRegion: element.getAttribute('perRegion') === 'true',
  }
}

function labelOf(element: Element): Label[] {
  const value = element.getAttribute('alias') || element.getAttribute('value')
  if (!value) return []
  const predicted = (element.getAttribute('predicted_values') ?? '').split(',')
  const phrases = predicted.map((phrase) => phrase.trim()).filter((phrase) => phrase !== '')
  return [{ value, phrases: phrases.length > 0 ? phrases : [phraseOf(element)] }]
}

/** The model reads names of things as people write them in a sentence. */
function phraseOf(element: Element): string {
  return (element.getAttribute('value') ?? '').replaceAll('_', ' ').trim().toLowerCase()
}

function targetsOf(element: Element): string[] {
  return (element.getAttribute('toName') ?? '').split(',').map((name) => name.trim())
}
