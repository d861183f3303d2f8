// `npm run setup`: installs and builds what is missing, and starts nothing. With `-- --production` it
// leaves out what only `npm test` needs.
import { requireNode } from './setup/node-version.mjs'

requireNode()
const withDevTools = !process.argv.includes('--production')
import('./setup/set-up.mjs').then(({ setUp }) => setUp({ withDevTools }))
