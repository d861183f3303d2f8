import { describe, expect, test } from '@jest/globals'
import {
  CaptionOptions,
  CaptionRequest,
  CaptionResult,
  LocateOptions,
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
    { unknown: 1 },
    JSON.parse('{"__proto__": {"beams": 2}}'),
  ])('refuses %j', (options) => {
    expect(CaptionOptions.safeParse(options).success).toBe(false)
  })
})

test('a phrase has something to say', () => {
  expect(LocateOptions.safeParse({ phrase: ' \t ' }).success).toBe(false)
  expect(LocateOptions.safeParse({ phrase: '' }).success).toBe(false)
  expect(LocateOptions.parse({ phrase: ' a cup ' })).toEqual({ phrase: ' a cup ' })
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
