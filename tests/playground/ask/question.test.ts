import { describe, expect, test } from '@jest/globals'
import { type Asked, curlOf, type Question, sdkOf } from '../../../playground/src/ask/question.ts'
import type { Location } from '../../../sdk/src/index.ts'

const ADDRESS = 'http://127.0.0.1:8080'

function asked(question: Question, model?: string): Asked {
  return { question, model, imageId: 'img_1' }
}

describe('the line for a shell', () => {
  test('names the picture and the route', () => {
    expect(curlOf(asked({ task: 'caption' }), ADDRESS)).toBe(
      'curl -F image_id=img_1 http://127.0.0.1:8080/v1/caption',
    )
  })

  test('sends what is no text as JSON', () => {
    const location: Location = { type: 'point', point: [1, 2] }

    expect(curlOf(asked({ task: 'describe', location }), ADDRESS)).toContain(
      `-F 'location={"type":"point","point":[1,2]}'`,
    )
  })

  test('keeps a quote, and a sign that -F would read', () => {
    expect(curlOf(asked({ task: 'segment', phrase: "@the cat's" }), ADDRESS)).toContain(
      `--form-string 'phrase=@the cat'\\''s'`,
    )
  })

  test('names a model that is not the default one', () => {
    expect(curlOf(asked({ task: 'caption' }, 'tiny-2'), ADDRESS)).toContain(
      '--form-string model=tiny-2',
    )
  })
})

describe('the line for TypeScript', () => {
  test('asks the method of the task', () => {
    const line = sdkOf(asked({ task: 'dense_caption', words: true }), ADDRESS)

    expect(line).toBe(
      "const answer = await new PixelLLM({ baseUrl: 'http://127.0.0.1:8080' }).denseCaption('img_1', { words: true })",
    )
  })

  test('keeps quotes and backslashes', () => {
    expect(sdkOf(asked({ task: 'locate', phrase: `it's a \\` }), ADDRESS)).toContain(
      `phrase: 'it\\'s a \\\\'`,
    )
  })
})
