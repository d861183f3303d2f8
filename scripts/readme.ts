/** Writes what a running server replies into the README, and draws its picture: `npm start`, then `npm run readme`. */
import { readFile, writeFile } from 'node:fs/promises'
import { run, withReplies } from './readme/examples.ts'
import { drawCaption } from './readme/picture.ts'

const [address = 'http://127.0.0.1:8080'] = process.argv.slice(2)
const readme = await readFile('README.md', 'utf8')
await writeFile('README.md', await withReplies(readme, (example) => run(example, address)))
await drawCaption(address)
