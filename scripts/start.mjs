// `npm start`: set-up, then the server in this same process, so that its signals and its exit code
// are the server's own and nothing stands between it and the terminal.
import { requireNode } from './setup/node-version.mjs'

requireNode()
import('./setup/set-up.mjs')
  .then(({ setUp }) => setUp({ withDevTools: false }))
  .then(() => import(new URL('../dist/api/server.js', import.meta.url).href))
