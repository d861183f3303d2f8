/** Writes every generated file of the repository. Run by `npm run generate`. */
import { writeFileSync } from 'node:fs'
import { generatedFiles } from './generate/files.ts'

for (const [path, text] of await generatedFiles()) {
  writeFileSync(path, text)
  process.stdout.write(`wrote ${path}\n`)
}
