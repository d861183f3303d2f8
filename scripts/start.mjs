// `npm start`: set-up, then the server in this same process, so that its signals and its exit code
// are the server's own and nothing stands between it and the terminal. `exec` in package.json is part of
// that: without it the shell between npm and this process dies of a SIGTERM and leaves us running.
import { requireNode } from './setup/node-version.mjs'

requireNode()
import('./setup/set-up.mjs')
  .then(({ setUp }) => setUp({ withDevTools: false }))
  .then(() => import(new URL('../dist/api/server.js', import.meta.url).href))
