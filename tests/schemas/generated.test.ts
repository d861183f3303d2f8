import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { openapiDocument } from '../../schemas/document.ts'
import { operations, VERSION } from '../../schemas/index.ts'
import { generatedFiles } from '../../scripts/generate/files.ts'

const files = await generatedFiles()

test.each([...files])('%s is up to date; if not, run `npm run generate`', (path, text) => {
  expect(readFileSync(path, 'utf8')).toBe(text)
})

test('the contract has the version of the package', () => {
  expect(JSON.parse(readFileSync('package.json', 'utf8')).version).toBe(VERSION)
})

test('the document has every operation', () => {
  const paths = openapiDocument().paths ?? {}
  const documented = Object.values(paths).flatMap((path) =>
    Object.values(path).map((operation) => operation.operationId),
  )
  expect(documented.sort()).toEqual(operations.map(({ id }) => id).sort())
})

test('no list in the document is closed to every item', () => {
  expect(JSON.stringify(openapiDocument())).not.toContain('"items":false')
})

test('the document on disk is the one that the server shows', () => {
  const onDisk: unknown = parse(readFileSync('openapi.yaml', 'utf8'))

  expect(onDisk).toEqual(openapiDocument())
})
