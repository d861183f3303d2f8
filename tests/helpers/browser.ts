/** A browser for the tests of the playground. */
import { existsSync, readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { describe } from '@jest/globals'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { playground } from '../../scripts/setup/node-steps.mjs'
import { placesOf, ROOT } from '../../scripts/setup/places.mjs'
import { readSettings } from '../../scripts/setup/settings.mjs'

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]
/** Where screenshots are kept. */
const SCREENSHOTS = join(ROOT, 'screenshots')
const PATIENCE_MS = 20_000
/** One frame to draw, and one to be sure that it was drawn. */
const FRAMES = 'new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))'

/** As a text to evaluate: the page's policy allows no script that is not the server's. */
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core'), 'utf8')

function chromiumPath(): string | undefined {
  const { PIXELLLM_CHROMIUM } = process.env
  return PIXELLLM_CHROMIUM || PLACES.find((path) => existsSync(path))
}

/** Tests that need a browser; where there is none they are skipped, and their title says so. */
export function describeInBrowser(title: string, tests: () => void): void {
  if (chromiumPath() !== undefined) describe(title, tests)
  else {
    describe.skip(`${title} (skipped: install Chromium, or name it in PIXELLLM_CHROMIUM)`, tests)
  }
}

export type PageOptions = Pick<
  BrowserContextOptions,
  'colorScheme' | 'viewport' | 'reducedMotion' | 'permissions' | 'hasTouch'
>

const USUAL: PageOptions = {
  viewport: { width: 1280, height: 900 },
  reducedMotion: 'reduce',
  permissions: ['clipboard-read', 'clipboard-write'],
}

/** One browser, and pages that must not complain. */
export class TestBrowser {
  readonly #browser: Browser
  readonly #address: string
  readonly #complaints: string[] = []
  #shared: Page | undefined

  private constructor(browser: Browser, address: string) {
    this.#browser = browser
    this.#address = address
  }

  static async open(address: string): Promise<TestBrowser> {
    requireFreshPlayground()
    await mkdir(SCREENSHOTS, { recursive: true })
    const executablePath = chromiumPath()
    const browser = await chromium.launch({
      ...(executablePath !== undefined && { executablePath }),
      args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
    })
    return new TestBrowser(browser, address)
  }

  /** The playground anew. With options it gets a context of its own, which takes longer. */
  async page(options?: PageOptions, path = '/'): Promise<Page> {
    this.#shared ??= await this.#open(USUAL)
    const page = options === undefined ? this.#shared : await this.#open({ ...USUAL, ...options })
    await page.goto(`${this.#address}${path}`)
    return page
  }

  async #open(options: PageOptions): Promise<Page> {
    const context = await this.#browser.newContext(options)
    const page = await context.newPage()
    page.setDefaultTimeout(PATIENCE_MS)
    page.on('pageerror', ({ message }) => this.#complaints.push(message))
    page.on('console', (message) => {
      // A reply with an error status is part of some tests; the page tells about it itself.
      const isReply = message.text().startsWith('Failed to load resource')
      if (message.type() === 'error' && !isReply) this.#complaints.push(message.text())
    })
    return page
  }

  /** What the pages complained about since the last time, such as a broken policy. */
  takeComplaints(): string[] {
    return this.#complaints.splice(0)
  }

  /** Takes back what a test did to its pages, and leaves the playground. */
  async tidy(): Promise<void> {
    await this.#shared?.unrouteAll({ behavior: 'ignoreErrors' })
    await this.#shared?.goto('about:blank')
    const own = this.#browser.contexts().filter((context) => context !== this.#shared?.context())
    await Promise.all(own.map((context) => context.close()))
  }

  async close(): Promise<void> {
    await this.#browser.close()
  }
}

/** Keeps what the page looks like for people to see. */
export async function keepScreenshot(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) })
}

/** What axe-core finds wrong, as sentences. */
export async function faultsOf(page: Page): Promise<string[]> {
  await page.evaluate(axe)
  const describe = '({ id, nodes }) => id + ": " + nodes.map(({ html }) => html).join()'
  return list(
    await page.evaluate(`axe.run().then(({ violations }) => violations.map(${describe}))`),
  )
}

/** How much is drawn over the picture in a box of it: the sum of the opacities. */
export async function paintIn(page: Page, box: readonly number[]): Promise<number> {
  const [left = 0, top = 0, right = 0, bottom = 0] = box
  return Number(
    await page.evaluate(`${FRAMES}.then(() => {
      const canvas = document.querySelector('#overlay')
      const scale = canvas.width / document.querySelector('#picture').naturalWidth
      const sides = [${left}, ${top}, ${right - left}, ${bottom - top}].map((side) => Math.max(1, side * scale))
      const { data } = canvas.getContext('2d').getImageData(...sides)
      return data.reduce((sum, value, i) => (i % 4 === 3 ? sum + value : sum), 0)
    })`),
  )
}

function list(value: unknown): string[] {
  if (!Array.isArray(value)) throw new TypeError('the page gave no list')
  return value.map(String)
}

function requireFreshPlayground(): void {
  const ground = { places: placesOf(ROOT), settings: readSettings({}), env: process.env }
  if (!playground(ground).isDone()) throw new Error('the playground is stale: npm run setup')
}
