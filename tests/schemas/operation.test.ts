import { expect, test } from '@jest/globals'
import {
  caption,
  deleteImage,
  listModels,
  mediaTypesOf,
  segment,
  taskOperation,
} from '../../schemas/index.ts'

test.each([
  {
    operation: taskOperation(caption),
    types: ['application/json', 'text/event-stream', 'image/png', 'image/svg+xml'],
  },
  {
    operation: taskOperation(segment),
    types: ['application/json', 'image/png', 'image/svg+xml'],
  },
  { operation: listModels, types: ['application/json'] },
  { operation: deleteImage, types: [] },
])('$operation.id replies with $types, JSON first', ({ operation, types }) => {
  expect(mediaTypesOf(operation)).toEqual(types)
})
