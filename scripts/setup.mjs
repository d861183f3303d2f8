// `npm run setup`: installs and builds what is missing, and starts nothing.
import { requireNode } from './setup/node-version.mjs'

requireNode()
import('./setup/set-up.mjs').then(({ setUp }) => setUp({ withDevTools: true }))
