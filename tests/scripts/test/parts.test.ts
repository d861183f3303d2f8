import { readFileSync } from 'node:fs'
import { placesOf, ROOT } from '../../../scripts/setup/places.mjs'
import { chooseParts, partsOf } from '../../../scripts/test/parts.mjs'

const parts = partsOf(placesOf(ROOT), process.env)
function names(args: string[]): string | string[] {
  const chosen = chooseParts(parts, args)
  return typeof chosen === 'string' ? chosen : chosen.map(({ name }) => name)
}

describe('the parts of npm test', () => {
  test('are all run where nothing is said', () => {
    expect(names([])).toEqual(['lint', 'types', 'ruff', 'ruff-format', 'mypy', 'jest', 'pytest'])
  })

  test('can be chosen by side and by name', () => {
    expect(names(['--only', 'python'])).toEqual(['ruff', 'ruff-format', 'mypy', 'pytest'])
    expect(names(['--only', 'lint,pytest'])).toEqual(['lint', 'pytest'])
  })

  test.each([[['--only']], [['--only', 'rust']], [['jest']], [['--only', 'jest', 'more']]])(
    'are explained where %j is said',
    (args) => {
      expect(names(args)).toMatch(/npm test takes: -- --only <.*jest.*pytest.*>/)
    },
  )

  test('name only scripts that package.json has', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'))

    const ofNpm = parts.flatMap(({ command }) => {
      const at = command.indexOf('run')
      return at < 0 ? [] : [command[at + 2]]
    })

    expect(ofNpm).toEqual(['lint', 'typecheck', 'jest'])
    for (const name of ofNpm) expect(scripts).toHaveProperty(String(name))
  })
})
