// `npm test`: set-up with the tools for the tests, then every check.
import { requireNode } from './setup/node-version.mjs'

requireNode()
import('./setup/set-up.mjs')
  .then(({ setUp }) => setUp({ withDevTools: true }))
  .then(() => import('./test/run-parts.mjs'))
  .then(({ runParts }) => runParts(process.argv.slice(2)))
  .then((code) => {
    process.exitCode = code
  })
