import { describe, expect, test } from '@jest/globals'
import {
  CaptionOptions,
  CaptionRequest,
  CaptionResult,
  caption,
  DenseCaptionOptions,
  DenseCaptionOutput,
  DescribeOptions,
  denseCaption,
  GroundedPhrase,
  LocateOptions,
  neededTasks,
  SegmentOptions,
  SegmentOutput,
  segment,
  TaskName,
  tasks,
} from '../../schemas/index.ts'

test('every task has a name and a route of its own', () => {
  expect(TaskName.options).toEqual(['caption', 'describe', 'locate', 'segment', 'dense_caption'])
  expect(new Set(tasks.map(({ slug }) => slug)).size).toBe(tasks.length)
})

test.each(tasks.map((task) => [task.name, task] as const))(
  '%s takes its options and an image, and answers with its output, the image and the model',
  (_, task) => {
    expect(Object.keys(task.request.shape)).toEqual(
      expect.arrayContaining(['image', ...Object.keys(task.options.shape)]),
    )
    expect(Object.keys(task.result.shape)).toEqual([
      ...Object.keys(task.output.shape),
      'image',
      'model',
    ])
  },
)

describe('CaptionOptions', () => {
  test('fills in one beam and nothing else', () => {
    expect(CaptionOptions.parse({})).toEqual({ beams: 1 })
  })

  test.each([
    { max_tokens: 0 },
    { max_tokens: 257 },
    { max_tokens: 1.5 },
    { beams: 9 },
    { prefix: 'x'.repeat(201) },
    { model: '' },
    { ground: 'polygon' },
    { ground: true },
    { unknown: 1 },
    JSON.parse('{"__proto__": {"beams": 2}}'),
  ])('refuses %j', (options) => {
    expect(CaptionOptions.safeParse(options).success).toBe(false)
  })
})

test.each(['box', 'mask'])('a caption and a description can be grounded with a %s', (ground) => {
  const location = { type: 'point', point: [1, 1] }

  expect(CaptionOptions.parse({ ground })).toEqual({ ground, beams: 1 })
  expect(DescribeOptions.parse({ location, ground })).toEqual({ location, ground, beams: 1 })
})

describe.each([
  ['locate', LocateOptions],
  ['segment', SegmentOptions],
])('the phrase of %s', (_, options) => {
  test('is kept as it is', () => {
    expect(options.parse({ phrase: ' a cup ' })).toEqual({ phrase: ' a cup ' })
    expect(options.safeParse({ phrase: 'x'.repeat(200) }).success).toBe(true)
  })

  test.each([
    ['missing', undefined],
    ['empty', ''],
    ['blank', ' \t '],
    ['10,000 characters long', 'x'.repeat(10_000)],
    ['a number', 5],
  ])('is not %s', (_, phrase) => {
    expect(options.safeParse({ phrase }).success).toBe(false)
  })
})

describe('DenseCaptionOptions', () => {
  const defaults = { max_regions: 32, min_score: 0.3, nms_iou: 0.5, words: false, masks: false }

  test('fills in what is not said', () => {
    expect(DenseCaptionOptions.parse({})).toEqual(defaults)
  })

  test.each([
    { max_regions: 1, min_score: 0, nms_iou: 0.01 },
    { max_regions: 100, min_score: 1, nms_iou: 1 },
    { words: true, masks: true, model: 'tiny' },
  ])('takes %j', (options) => {
    expect(DenseCaptionOptions.parse(options)).toEqual({ ...defaults, ...options })
  })

  test.each([
    { max_regions: 0 },
    { max_regions: 1000 },
    { max_regions: 2.5 },
    { min_score: -0.1 },
    { min_score: 2 },
    { min_score: Number.NaN },
    { nms_iou: 0 },
    { nms_iou: 1.1 },
    { nms_iou: Number.POSITIVE_INFINITY },
    { words: 'true' },
    { masks: 1 },
    { unknown: 1 },
  ])('refuses %j', (options) => {
    expect(DenseCaptionOptions.safeParse(options).success).toBe(false)
  })
})

describe('SegmentOutput', () => {
  const nothing = {
    phrase: 'a unicorn',
    box: [0, 0, 4, 4],
    mask: { size: [4, 5], counts: 'd0' },
    score: 0.01,
    mask_score: 0,
  }

  test('takes a mask of no pixels', () => {
    expect(SegmentOutput.parse(nothing)).toEqual(nothing)
  })

  test.each([
    { mask_score: 1.2 },
    { mask_score: undefined },
    { mask: undefined },
    { score: Number.NaN },
  ])('refuses %j', (wrong) => {
    expect(SegmentOutput.safeParse({ ...nothing, ...wrong }).success).toBe(false)
  })
})

test('a region has words and a mask or has not', () => {
  const region = { box: [0, 0, 4, 4], caption: 'a cup', score: 0.9 }
  const word = { text: 'cup', start: 2, end: 5, point: [1, 2], box: [0, 0, 2, 4], score: 1 }
  const whole = { ...region, words: [word], mask: { size: [4, 5], counts: 'd0' } }

  expect(DenseCaptionOutput.parse({ regions: [region, whole] })).toEqual({
    regions: [region, whole],
  })
  expect(DenseCaptionOutput.parse({ regions: [] })).toEqual({ regions: [] })
  expect(DenseCaptionOutput.safeParse({ regions: [{ ...region, box: null }] }).success).toBe(false)
})

test('a grounded phrase has a mask or has not', () => {
  const phrase = { text: 'a cup', start: 0, end: 5, box: [0, 0, 4, 4], score: 0.9 }

  expect(GroundedPhrase.parse(phrase)).toEqual(phrase)
  expect(GroundedPhrase.parse({ ...phrase, mask: { size: [4, 5], counts: 'd0' } })).toBeDefined()
  expect(GroundedPhrase.safeParse({ ...phrase, words: [] }).success).toBe(false)
})

test.each([
  { task: segment, options: {}, needed: ['segment'] },
  { task: caption, options: {}, needed: ['caption'] },
  { task: caption, options: { ground: 'box' }, needed: ['caption'] },
  { task: caption, options: { ground: 'mask' }, needed: ['caption', 'segment'] },
  { task: denseCaption, options: { masks: false }, needed: ['dense_caption'] },
  { task: denseCaption, options: { masks: true }, needed: ['dense_caption', 'segment'] },
] as const)('for $task.name with $options a model has to know $needed', (asked) => {
  expect(neededTasks(asked.task, asked.options)).toEqual(asked.needed)
})

test.each([
  [{ data: 'aGVsbG8=' }, true],
  [{ id: `img_${'0'.repeat(32)}` }, true],
  [{ data: 'not base64!' }, false],
  [{ id: '../../etc/passwd' }, false],
  [{ url: 'https://example.org/a.png' }, false],
  [{ data: 'aGVsbG8=', id: `img_${'0'.repeat(32)}` }, false],
])('whether an image can be %j: %s', (image, valid) => {
  expect(CaptionRequest.safeParse({ image }).success).toBe(valid)
})

test('a result needs every word to have its place', () => {
  const result = {
    caption: 'a cup',
    words: [{ text: 'cup', start: 2, end: 5, point: [1, 2], box: [0, 0, 2, 4], score: 1 }],
    score: 0.5,
    image: { id: `img_${'a'.repeat(32)}`, width: 4, height: 4 },
    model: 'tiny',
  }

  expect(CaptionResult.safeParse(result).success).toBe(true)
  const [{ box: _, ...unplaced } = {}] = result.words
  expect(CaptionResult.safeParse({ ...result, words: [unplaced] }).success).toBe(false)
})
