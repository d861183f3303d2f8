import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { loadConfig } from '../../api/config.ts'
import { operations } from '../../schemas/index.ts'
import { SETUP_SETTINGS } from '../../scripts/setup/settings.mjs'

/** Folders that are not ours, beside those that begin with a dot. */
const FOREIGN = ['node_modules', 'dist', 'data', 'runs', 'coverage']

const documents = documentsIn('.')

function documentsIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isFile()) return entry.name.endsWith('.md') ? [path] : []
    return entry.name.startsWith('.') || FOREIGN.includes(entry.name) ? [] : documentsIn(path)
  })
}

function read(file: string): string {
  return readFileSync(file, 'utf8')
}

/** Everything in a text that matches, without repetition. */
function findAll(text: string, pattern: RegExp): string[] {
  return [...new Set(Array.from(text.matchAll(pattern), ([, found = '']) => found))].sort()
}

const settingsInCode = [
  ...findAll(read('api/config.ts'), /^\s+(PIXELLLM_\w+):/gm),
  ...SETUP_SETTINGS,
].sort()

describe('the table of settings', () => {
  test('has every setting that the server and set-up read, and no other', () => {
    const inTables = findAll(read('docs/operations.md'), /^\| `(PIXELLLM_\w+)` \|/gm)

    expect(inTables).toEqual(settingsInCode)
  })

  test.each(
    Array.from(
      read('docs/operations.md').matchAll(/^\| `(PIXELLLM_\w+)` \| `([^`]+)`/gm),
      ([, name = '', value = '']) => ({ name, value }),
    ),
  )('$name says its default, $value', ({ name, value }) => {
    const asSaid = loadConfig({ [name]: value })

    // A path of the package is made absolute.
    if (name === 'PIXELLLM_WORKER_PYTHON') asSaid.worker_python = join(process.cwd(), value)
    expect(asSaid).toEqual(loadConfig({}))
  })
})

describe('the map of the model', () => {
  const modules = readdirSync('python/pixelllm/model').filter((name) => !name.startsWith('__'))

  test('names every module, and no other', () => {
    const [, table = ''] = read('docs/model.md').split(/^## .*$/m)
    const cells = findAll(table, /^\| .* \| ((?:`[\w/.]+`(?:, )?)+) \|$/gm)

    const named = cells.flatMap((cell) => findAll(cell, /`([\w.]+)\/?`/g))

    expect(named.sort()).toEqual(modules.sort())
  })
})

describe.each(documents)('%s', (file) => {
  const text = read(file)

  test('links to files that are there', () => {
    const links = findAll(text, /\]\((?!https?:|#)([^)\s#]+)/g)

    expect(links.filter((link) => !existsSync(join(dirname(file), link)))).toEqual([])
  })

  test('links to headings that are there', () => {
    const broken = Array.from(text.matchAll(/\]\(([^)\s#]*)#([^)\s]+)\)/g)).filter(
      ([, path, heading]) => {
        if (path?.startsWith('http')) return false
        const target = path ? join(dirname(file), path) : file
        return !findAll(read(target), /^#+ (.+)$/gm)
          .map(slug)
          .includes(heading ?? '')
      },
    )

    expect(broken.map(([link]) => link)).toEqual([])
  })

  test('names npm scripts that package.json has', () => {
    const { scripts } = JSON.parse(read('package.json'))
    const named = [
      ...findAll(text, /npm run (?:--silent )?([\w:-]+)/g),
      ...findAll(text, /`npm (start|test)\b/g),
    ]

    expect(named.filter((name) => !(name in scripts))).toEqual([])
  })

  test('names settings that exist', () => {
    const ofTests = ['GOLDENS', 'CHROMIUM', 'FAULT_MOMENTS', 'LESSON'].map((it) => `PIXELLLM_${it}`)
    const others = [...ofTests, 'PIXELLLM_URL']
    const named = findAll(text, /\b(PIXELLLM_[A-Z_]+)/g)

    expect(named.filter((name) => ![...settingsInCode, ...others].includes(name))).toEqual([])
  })

  test('names routes that the server has', () => {
    const paths = operations.map(
      ({ path }) => new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`),
    )
    const named = findAll(text, /(\/v[12]\/[\w/{}.-]*[\w}]|\/(?:healthz|readyz|openapi\.json)\b)/g)

    expect(named.filter((name) => !paths.some((path) => path.test(name)))).toEqual([])
  })
})

/** The anchor that hosts make of a heading. */
function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\w\s-]/g, '')
    .replaceAll(' ', '-')
}
