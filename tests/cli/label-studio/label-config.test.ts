import { describe, expect, test } from '@jest/globals'
import { LabelConfigError, readLabelConfig } from '../../../cli/src/label-studio/label-config.ts'

const image = '<Image name="img" value="$photo"/>'
const read = (controls: string) => readLabelConfig(`<View>${image}${controls}</View>`)

describe('the image', () => {
  test('is the one that tags are about, and the field of the task with its address', () => {
    const config = readLabelConfig(`
      <View>
        <Image name="other" value="$other"/>
        ${image}
        <TextArea name="caption" toName="img"/>
      </View>`)

    expect(config.image).toEqual({ name: 'img', field: 'photo' })
  })
})

describe('a tag', () => {
  test.each([
    { tag: 'Rectangle', type: 'rectangle', marks: 'box' },
    { tag: 'RectangleLabels', type: 'rectanglelabels', marks: 'box' },
    { tag: 'Brush', type: 'brush', marks: 'mask' },
    { tag: 'BrushLabels', type: 'brushlabels', marks: 'mask' },
    { tag: 'KeyPoint', type: 'keypoint', marks: 'point' },
    { tag: 'KeyPointLabels', type: 'keypointlabels', marks: 'point' },
    { tag: 'TextArea', type: 'textarea', marks: 'text' },
  ])('$tag is filled in', ({ tag, type, marks }) => {
    const { controls } = read(`<${tag} name="tag" toName="img"/>`)

    expect(controls).toEqual([{ name: 'tag', type, marks, labels: [], perRegion: false }])
  })

  test('is known to be about each region', () => {
    const { controls } = read('<TextArea name="text" toName="img" perRegion="true"/>')

    expect(controls[0]?.perRegion).toBe(true)
  })

  test('that is about something else is left out, like one that is not known', () => {
    const { controls } = read(`
      <Text name="text" value="$text"/>
      <TextArea name="answer" toName="text"/>
      <PolygonLabels name="polygon" toName="img"><Label value="Cat"/></PolygonLabels>
      <View><RectangleLabels name="box" toName="img"><Label value="Cat"/></RectangleLabels></View>`)

    expect(controls.map(({ name }) => name)).toEqual(['box'])
  })
})

describe('a label', () => {
  const labelsOf = (labels: string) =>
    read(`<BrushLabels name="tag" toName="img">${labels}</BrushLabels>`).controls[0]?.labels

  test('is looked for by its value, as people write it in a sentence', () => {
    expect(labelsOf('<Label value="Red_Bus"/>')).toEqual([
      { value: 'Red_Bus', phrases: ['red bus'] },
    ])
  })

  test('is looked for by its predicted_values, as they are', () => {
    expect(labelsOf('<Label value="Car" predicted_values="the VW bus, a lorry"/>')).toEqual([
      { value: 'Car', phrases: ['the VW bus', 'a lorry'] },
    ])
  })

  test('is kept by its alias, as Label Studio keeps it', () => {
    expect(labelsOf('<Label value="Black &amp; white cat" alias="cat"/>')).toEqual([
      { value: 'cat', phrases: ['black & white cat'] },
    ])
  })
})

describe('a configuration that cannot be worked with says why', () => {
  test.each([
    { xml: '', why: 'not well-formed XML' },
    { xml: '<View><Image></View>', why: 'not well-formed XML' },
    { xml: '<View><Text name="text" value="$text"/></View>', why: 'no <Image>' },
    { xml: '<View><Image name="img"/></View>', why: 'value like $image' },
    { xml: `<View>${image}<Choices name="c" toName="img"/></View>`, why: 'none of these on an' },
  ])('$xml', ({ xml, why }) => {
    const read = (): unknown => readLabelConfig(xml)

    expect(read).toThrow(LabelConfigError)
    expect(read).toThrow(why)
  })

  test('and entities of its own are not expanded', () => {
    const bomb = `<!DOCTYPE v [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><View>${image}&b;</View>`

    expect(() => readLabelConfig(bomb)).toThrow(LabelConfigError)
  })
})
