import { expect, test } from '@jest/globals'
import { EXAMPLE_ADDRESS, examples, operations } from '../../schemas/index.ts'

test('every operation has an example, and every example an operation', () => {
  expect(Object.keys(examples).sort()).toEqual(operations.map(({ id }) => id).sort())
})

test.each(operations)('the example of $id asks $method $path', ({ id, method, path }) => {
  const source = examples[id]?.source ?? ''

  const [address = ''] = /http:[^\s']+/.exec(source) ?? []
  const pattern = path.replaceAll(/\{\w+\}/g, '\\$[A-Z]+')
  expect(address).toMatch(new RegExp(`^${EXAMPLE_ADDRESS}${pattern}(\\?.*)?$`))
  const sent = /-X (\w+)/.exec(source)?.[1] ?? (/ -(F|d) /.test(source) ? 'POST' : 'GET')
  expect(sent).toBe(method)
})

test('what an example needs comes from an example before it', () => {
  const known = new Set<string>()
  for (const { source, keeps = {} } of Object.values(examples)) {
    for (const [, name = ''] of source.matchAll(/\$([A-Z]+)/g)) expect(known).toContain(name)
    for (const name of Object.keys(keeps)) known.add(name)
  }
})
