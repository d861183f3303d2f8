/** The playground in a browser, with the real server and the model that ships. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals'
import type { Page, Request } from 'playwright-core'
import {
  CaptionResult,
  DenseCaptionResult,
  decodeMask,
  ModelList,
  SegmentResult,
} from '../../schemas/index.ts'
import { PixelLLM } from '../../sdk/src/index.ts'
import {
  describeInBrowser,
  faultsOf,
  keepScreenshot,
  type PageOptions,
  paintIn,
  TestBrowser,
} from '../helpers/browser.ts'
import { Latch } from '../helpers/fake-worker.ts'
import { ServerProcess } from '../helpers/server-process.ts'

jest.setTimeout(120_000)

const STREET = 'samples/street.png'
const TABS = ['json', 'curl', 'sdk']
const DONE = '#answer[aria-busy="false"] #answer-facts:not(:empty)'

describeInBrowser('the playground', () => {
  let address: string
  let browser: TestBrowser

  beforeAll(async () => {
    const server = await ServerProcess.start()
    address = await server.address()
    browser = await TestBrowser.open(address)
  })

  afterEach(async () => {
    await browser?.tidy()
    expect(browser?.takeComplaints()).toEqual([])
  })

  afterAll(async () => {
    await browser?.close()
    await ServerProcess.killAll()
  })

  /** A page with the caption of the sample street on it. */
  async function openStreet(options?: PageOptions): Promise<Page> {
    const page = await browser.page(options)
    await page.click('[aria-label="Sample: street"]')
    await page.waitForSelector(DONE)
    return page
  }

  test('writes the caption word by word, as the server does', async () => {
    const page = await browser.page({ reducedMotion: 'no-preference' })
    await page.evaluate(`
      window.lengths = new Set()
      new MutationObserver(() => lengths.add(document.querySelectorAll('.word').length))
        .observe(document.querySelector('#caption'), { childList: true })`)
    const [reply] = await Promise.all([
      page.waitForResponse((response) => response.url().endsWith('/v1/caption')),
      page.click('[aria-label="Sample: street"]'),
    ])
    await page.waitForSelector(DONE)

    const { caption, words } = CaptionResult.parse(JSON.parse(await textOf(page, '#text-json')))
    const every = Array.from({ length: words.length }, (_, i) => i + 1)
    expect(reply.headers()['content-type']).toBe('text/event-stream')
    expect(await page.evaluate('[...lengths].filter((length) => length > 0)')).toEqual(every)
    expect(await textOf(page, '#caption')).toBe(caption)
    expect(await textOf(page, '#live')).toContain(caption)
    expect(await page.getAttribute('#picture', 'alt')).toContain(caption)
  })

  test('lights up the place of a word that is pointed at or has the focus', async () => {
    const page = await openStreet()
    const [first, second] = CaptionResult.parse(JSON.parse(await textOf(page, '#text-json'))).words
    const box = first?.box ?? []
    const before = await paintIn(page, box)

    await page.hover('.word >> nth=0')
    const pointed = await paintIn(page, box)
    await page.mouse.move(0, 0)
    const after = await paintIn(page, box)
    await page.focus('.word >> nth=0')
    const focused = await paintIn(page, box)
    await page.keyboard.press('ArrowRight')

    expect(pointed).toBeGreaterThan(before * 2)
    expect(after).toBe(before)
    expect(focused).toBe(pointed)
    expect(await textOf(page, '.word:focus')).toBe(second?.text)
    await keepScreenshot(page, 'word')
  })

  test('lights up the word of a place that is pointed at', async () => {
    const page = await openStreet()
    const { words } = CaptionResult.parse(JSON.parse(await textOf(page, '#text-json')))
    const last = words[words.length - 1]
    const bus = words.find(({ text }) => text === 'bus') ?? last

    await page.mouse.move(...(await onPage(page, bus?.point ?? [0, 0])))

    expect(await textOf(page, '.word.lit')).toBe(bus?.text)
  })

  test('describes a box that is dragged', async () => {
    const page = await openStreet()

    const asked = requestTo(page, '/v1/describe')
    await drag(page, [190, 230], [310, 310])
    await page.waitForSelector(DONE)

    expect(fieldOf(await asked, 'location')).toMatchObject({ type: 'box' })
    expect(await textOf(page, '#caption')).toContain('bus')
    expect(await textOf(page, '#answer-title')).toMatch(/^In the box from 19\d, 2[23]\d/)
    await keepScreenshot(page, 'box')
  })

  test('describes a point that is clicked', async () => {
    const page = await openStreet()

    const asked = requestTo(page, '/v1/describe')
    await page.mouse.click(...(await onPage(page, [140, 230])))
    await page.waitForSelector(DONE)

    expect(fieldOf(await asked, 'location')).toMatchObject({ type: 'point' })
    expect(await textOf(page, '#caption')).toContain('cat')
  })

  test('takes a box from the keyboard, and says where the cross is', async () => {
    const page = await openStreet()
    await tabTo(page, 'stage')

    await press(page, 'ArrowLeft', 4)
    const said = await textOf(page, '#live')
    await press(page, 'Space', 1)
    await press(page, 'ArrowRight', 6)
    await press(page, 'ArrowDown', 4)
    const asked = requestTo(page, '/v1/describe')
    await page.keyboard.press('Enter')
    await page.waitForSelector(DONE)

    expect(said).toMatch(/^192, 177/)
    expect(fieldOf(await asked, 'location')).toEqual({ type: 'box', box: [192, 177, 264, 225] })
  })

  test('lights up the word under the cross of the keyboard', async () => {
    const page = await openStreet()
    await tabTo(page, 'stage')

    await press(page, 'ArrowDown', 7)

    const word = await textOf(page, '.word.lit')
    expect(await textOf(page, '#live')).toMatch(new RegExp(`^240, \\d+: ${word}$`))
  })

  test('finds a phrase and lays its mask over the picture', async () => {
    const page = await openStreet()

    await page.fill('#phrase', 'the yellow cat')
    await page.keyboard.press('Enter')
    await page.waitForSelector('#answer-title:text("Found by its name")')
    await page.waitForSelector(DONE)

    const { box, mask } = SegmentResult.parse(JSON.parse(await textOf(page, '#text-json')))
    const pixels = decodeMask(mask)
    const inside = pixels.lastIndexOf(1, 220 * 480 + 150) // left of it, in the middle of the cat
    const spot = [inside % 480, Math.floor(inside / 480)] as const
    expect(await textOf(page, '#caption')).toBe('the yellow cat')
    expect(box[0]).toBeLessThan(spot[0])
    expect(await hueAt(page, [spot[0] - 10, spot[1]])).toBe('coloured')
    expect(await hueAt(page, [400, 40])).toBe('dark')
    await keepScreenshot(page, 'phrase')
  })

  test('steps through the regions, by buttons, by keys and on the picture', async () => {
    const page = await openStreet()

    await page.click('#ask-regions')
    await page.waitForSelector('#regions:not([hidden])')
    const { regions } = DenseCaptionResult.parse(JSON.parse(await textOf(page, '#text-json')))
    const captions = regions.map(({ caption }) => caption)
    const seen = [await textOf(page, '#caption')]
    await page.click('#region-next')
    seen.push(await textOf(page, '#caption'))
    await page.focus('.region[aria-current="true"]')
    await page.keyboard.press('ArrowDown')
    seen.push(await textOf(page, '#caption'))
    await page.click('#region-previous')
    const back = await textOf(page, '#region-position')
    const [left = 0, top = 0, right = 0, bottom = 0] = regions[0]?.box ?? []
    await page.mouse.move(...(await onPage(page, [(left + right) / 2, (top + bottom) / 2])))

    expect(seen).toEqual(captions.slice(0, 3))
    expect(back).toBe(`2 of ${regions.length}`)
    expect(await textOf(page, '#region-position')).toBe(`1 of ${regions.length}`)
    await keepScreenshot(page, 'regions')
  })

  test.each([
    ['a caption', async () => undefined],
    ['a point', async (page: Page) => page.mouse.click(...(await onPage(page, [140, 230])))],
    [
      'a phrase with every sign',
      async (page: Page) => {
        await page.fill('#phrase', `@the cat's "$HOME" \\ <bus>; type=x`)
        await page.keyboard.press('Enter')
        await page.waitForSelector('#answer-title:text("Found by its name")')
      },
    ],
    [
      'regions',
      async (page: Page) => {
        await page.click('#ask-regions')
        await page.waitForSelector('#regions:not([hidden])')
      },
    ],
  ])('gives lines that ask the same as they stand: %s', async (_what, ask) => {
    const page = await openStreet()
    await ask(page)
    await page.waitForSelector(DONE)
    const shown = await reply(page)

    const shell = await promisify(execFile)('sh', ['-c', await textOf(page, '#text-curl')])
    const program = await runLine(await textOf(page, '#text-sdk'))

    expect(withoutLastDigits(JSON.parse(shell.stdout))).toEqual(withoutLastDigits(shown))
    expect(withoutLastDigits(program)).toEqual(withoutLastDigits(shown))
  })

  test('copies the text of each tab', async () => {
    const page = await openStreet()
    const copied: unknown[] = []

    for (const name of TABS) {
      await page.click(`#tab-${name}`)
      await page.click(`#copy-${name}`)
      await page.waitForSelector(`#copy-${name}:text("Copied")`)
      copied.push(await page.evaluate('navigator.clipboard.readText()'))
    }

    const texts = await Promise.all(TABS.map((name) => textOf(page, `#text-${name}`)))
    expect(copied).toEqual(texts)
  })

  test('says which model answers and what it knows', async () => {
    const { models } = ModelList.parse(await (await fetch(`${address}/v1/models`)).json())

    const page = await browser.page()
    await page.waitForSelector('#model-facts:not([hidden])')

    expect(await page.inputValue('#model')).toBe('tiny')
    expect(await textOf(page, '#model-about')).toContain(models[0]?.description)
    expect(await textOf(page, '#model-facts')).toContain('locates phrases')
  })

  test('asks the model that is chosen, and shows the error of the API as a sentence', async () => {
    const page = await browser.page()
    await page.route('**/v1/models', async (route) => {
      const { models } = ModelList.parse(await (await route.fetch()).json())
      const others = models.map((model) => ({ ...model, id: 'tiny-gone', default: false }))
      await route.fulfill({ json: { models: [...models, ...others] } })
    })
    await page.reload()
    await page.selectOption('#model', 'tiny-gone')

    const asked = requestTo(page, '/v1/caption')
    await page.click('[aria-label="Sample: street"]')
    await page.waitForSelector('#problem:not([hidden])')

    expect(formText(await asked)).toContain('tiny-gone')
    expect(await textOf(page, '#problem-text')).toMatch(/^[A-Z].*tiny-gone.*\.$/)
    expect(await page.isVisible('#again')).toBe(false)
    await keepScreenshot(page, 'problem')
  })

  test('says in a sentence that a file is no picture, and keeps the one that was there', async () => {
    const page = await openStreet()

    const file = { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('no picture') }
    await page.setInputFiles('#picture-file', file)
    await page.waitForSelector('#picture-problem:not([hidden])')

    expect(await textOf(page, '#picture-problem')).toMatch(/^[A-Z].*(JPEG|PNG).*\.$/)
    expect(await page.isVisible('#stage')).toBe(true)
  })

  test('says that the server does not answer, and asks again', async () => {
    const page = await openStreet()
    await page.route('**/v1/caption', (route) => route.abort())
    await page.click('#ask-caption')
    await page.waitForSelector('#problem:not([hidden])')
    const sentence = await textOf(page, '#problem-text')

    await page.unroute('**/v1/caption')
    await page.click('#again')
    await page.waitForSelector(DONE)

    expect(sentence).toBe('The server does not answer. Is it still running?')
    expect(await page.isVisible('#problem')).toBe(false)
  })

  test('sends a picture again that the server keeps no longer', async () => {
    const page = await openStreet()
    const { image } = CaptionResult.parse(JSON.parse(await textOf(page, '#text-json')))
    await fetch(`${address}/v1/images/${image.id}`, { method: 'DELETE' })

    await page.click('#ask-caption')
    await page.waitForSelector('.word')
    await page.waitForSelector(DONE)

    expect(await page.isVisible('#problem')).toBe(false)
  })

  test('never shows the answer to an old question over a newer one', async () => {
    const page = await openStreet()
    const release = new Latch()
    const held = new Latch()
    await page.route('**/v1/segment', async (route) => {
      const old = await route.fetch()
      held.open()
      await release.opened
      await route.fulfill({ response: old }).catch(() => undefined) // nobody waits for it
    })
    await page.fill('#phrase', 'the red bus')
    await page.keyboard.press('Enter')
    await held.opened

    await page.click('#ask-regions')
    await page.waitForSelector('#regions:not([hidden])')
    release.open()
    await page.unrouteAll({ behavior: 'wait' })

    expect(await textOf(page, '#answer-title')).toBe('Every region')
    expect(await page.isVisible('#regions')).toBe(true)
    expect(await textOf(page, '#text-curl')).toContain('/v1/dense-caption')
  })

  test.each(['#stop', 'Escape'])('ends a question that runs (%s)', async (how) => {
    const page = await openStreet()
    const held = new Latch()
    await page.route('**/v1/caption', () => held.open()) // and never goes on
    const ended = page.waitForEvent('requestfailed')
    await page.click('#ask-caption')
    await held.opened
    await keepScreenshot(page, 'running')

    if (how === '#stop') await page.click(how)
    else await page.keyboard.press(how)

    expect((await ended).failure()?.errorText).toBe('net::ERR_ABORTED')
    expect(await textOf(page, '#answer-facts')).toBe('Stopped.')
    expect(await page.isDisabled('#stop')).toBe(true)
  })

  test.each(['drop', 'paste'])('takes a picture by %s', async (kind) => {
    const page = await browser.page()
    const bytes = await readFile(STREET, 'base64')

    await page.evaluate(`{
      const bytes = Uint8Array.from(atob('${bytes}'), (letter) => letter.charCodeAt(0))
      const data = new DataTransfer()
      data.items.add(new File([bytes], 'street.png', { type: 'image/png' }))
      const event = '${kind}' === 'drop'
        ? new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true })
        : new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true })
      document.body.dispatchEvent(event)
    }`)
    await page.waitForSelector(DONE)

    expect(await textOf(page, '#caption')).toContain('cat')
  })

  test('takes a picture from a file', async () => {
    const page = await browser.page()

    await page.setInputFiles('#picture-file', 'samples/harbour.png')
    await page.waitForSelector(DONE)

    expect(await textOf(page, '#caption')).toContain('boat')
  })

  test('says that a server without training does not train', async () => {
    const page = await browser.page(undefined, '/#train')
    await page.route('**/v1/datasets?*', (route) =>
      route.fulfill({ status: 404, json: { code: 'not_found', title: 'nothing', status: 404 } }),
    )
    await page.reload()
    await page.waitForSelector('#training-problem:not([hidden])')

    expect(await textOf(page, '#training-problem')).toMatch(/^This server does not train models/)
    expect(await page.isVisible('#training')).toBe(false)
  })

  test.each(['light', 'dark'] as const)('has no fault that axe-core finds, %s', async (theme) => {
    const page = await browser.page({ colorScheme: theme })
    const empty = await faultsOf(page)
    await page.click('[aria-label="Sample: street"]')
    await page.waitForSelector(DONE)
    await page.hover('.word >> nth=1')
    const captioned = await faultsOf(page)
    await keepScreenshot(page, `caption-${theme}`)
    await page.click('#ask-regions')
    await page.waitForSelector('#regions:not([hidden])')
    await page.click('#tab-curl')
    const stepped = await faultsOf(page)

    expect({ empty, captioned, stepped }).toEqual({ empty: [], captioned: [], stepped: [] })
  })

  test('fits a phone of 360 pixels, by touch', async () => {
    const page = await openStreet({ viewport: { width: 360, height: 780 }, hasTouch: true })
    await page.touchscreen.tap(...(await onPage(page, [140, 230])))
    await page.waitForSelector('#answer-title:text("At the point")')
    await page.waitForSelector(DONE)

    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360)
    expect(await textOf(page, '#caption')).toContain('cat')
    await keepScreenshot(page, 'phone')
  })

  test('moves nothing for those who want no motion', async () => {
    const page = await openStreet()

    const animation = await page.evaluate(
      `getComputedStyle(document.querySelector('.word')).animationName`,
    )

    expect(animation).toBe('none')
  })

  test('keeps the theme that is chosen', async () => {
    const page = await browser.page({ colorScheme: 'light' })

    await page.click('#theme')
    await page.click('#theme')
    await page.reload()

    const paper = await page.evaluate('getComputedStyle(document.body).backgroundColor')
    expect(await page.getAttribute('#theme', 'aria-label')).toBe('Theme: dark')
    expect(paper).toBe('rgb(18, 18, 20)')
  })
})

async function textOf(page: Page, selector: string): Promise<string> {
  return (await page.textContent(selector)) ?? ''
}

async function reply(page: Page): Promise<unknown> {
  return JSON.parse(await textOf(page, '#text-json'))
}

/** Where a pixel of the sample street is on the page. */
async function onPage(page: Page, [x, y]: readonly [number, number]): Promise<[number, number]> {
  const stage = await page.locator('#stage').boundingBox()
  if (stage === null) throw new Error('there is no picture')
  return [stage.x + (x / 480) * stage.width, stage.y + (y / 354) * stage.height]
}

async function drag(page: Page, from: [number, number], to: [number, number]): Promise<void> {
  await page.mouse.move(...(await onPage(page, from)))
  await page.mouse.down()
  await page.mouse.move(...(await onPage(page, to)))
  await page.mouse.up()
}

async function press(page: Page, key: string, times: number): Promise<void> {
  for (let i = 0; i < times; i++) await page.keyboard.press(key)
}

/** Goes on with the Tab key until an element has the focus. */
async function tabTo(page: Page, id: string): Promise<void> {
  await page.evaluate('document.activeElement?.blur(); scrollTo(0, 0)')
  for (let i = 0; i < 40; i++) {
    await page.keyboard.press('Tab')
    if ((await page.evaluate('document.activeElement?.id')) === id) return
  }
  throw new Error(`the Tab key never comes to ${id}`)
}

function requestTo(page: Page, path: string): Promise<Request> {
  return page.waitForRequest((request) => request.url().endsWith(path))
}

function formText(request: Request): string {
  return request.postDataBuffer()?.toString('utf8') ?? ''
}

function fieldOf(request: Request, name: string): unknown {
  const [, value = ''] = formText(request).split(`name="${name}"\r\n\r\n`)
  return JSON.parse(value.split('\r\n')[0] ?? '')
}

/** What lies over the picture at a pixel of it: a colour, or only darkness. */
async function hueAt(page: Page, [x, y]: readonly [number, number]): Promise<unknown> {
  await paintIn(page, [0, 0, 1, 1])
  return page.evaluate(`{
    const canvas = document.querySelector('#overlay')
    const scale = canvas.width / document.querySelector('#picture').naturalWidth
    const [red, green, blue] = canvas.getContext('2d').getImageData(${x} * scale, ${y} * scale, 1, 1).data
    Math.max(red, green, blue) > 100 ? 'coloured' : 'dark'
  }`)
}

/** Runs the line for TypeScript, with the client that it needs. */
async function runLine(line: string): Promise<unknown> {
  const run: unknown = new Function('PixelLLM', `return (async () => { ${line}; return answer })()`)
  return typeof run === 'function' ? run(PixelLLM) : undefined
}

/** In another batch a number may differ in its last digit. */
function withoutLastDigits(value: unknown): unknown {
  if (typeof value === 'number') return Number(value.toPrecision(2))
  if (Array.isArray(value)) return value.map(withoutLastDigits)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [
      name,
      name === 'counts' ? 'a mask' : withoutLastDigits(field),
    ]),
  )
}
