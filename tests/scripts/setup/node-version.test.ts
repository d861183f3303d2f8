import { readFileSync } from 'node:fs'
import { nodeProblem, OLDEST_NODE } from '../../../scripts/setup/node-version.mjs'

describe('the version of Node', () => {
  test('is asked for as package.json says', () => {
    const { engines } = JSON.parse(readFileSync('package.json', 'utf8'))

    expect(`${engines.node}.0`).toBe(`>=${OLDEST_NODE}`)
  })

  test.each(['20.19.0', '20.20.2', '21.0.0', '24.1.0', '22.0.0-nightly20240101'])(
    '%s will do',
    (version) => {
      expect(nodeProblem(version)).toBeUndefined()
    },
  )

  test.each(['20.18.3', '18.20.8', '12.22.12', '4.9.1'])('%s is refused by name', (version) => {
    const problem = nodeProblem(version)

    expect(problem).toContain(`needs Node.js ${OLDEST_NODE} or newer, and this is ${version}`)
  })
})
