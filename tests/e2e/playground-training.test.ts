/** The playground's training panel in a browser, with the real server, its worker and its queue. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals'
import type { Page } from 'playwright-core'
import { asSentence } from '../../playground/src/page/sentence.ts'
import { CaptionResult, type TrainingJob } from '../../schemas/index.ts'
import { PixelLLM } from '../../sdk/src/index.ts'
import { tarOf } from '../helpers/archives.ts'
import { describeInBrowser, faultsOf, keepScreenshot, TestBrowser } from '../helpers/browser.ts'
import { datasetFiles } from '../helpers/datasets.ts'
import { ServerProcess } from '../helpers/server-process.ts'
import {
  ENDLESS,
  followToEnd,
  QUICK,
  sceneArchive,
  uploadScenes,
} from '../helpers/training-service.ts'

// Python imports torch and loads the model in each server, on a machine that does much else.
jest.setTimeout(180_000)

describeInBrowser('the training panel', () => {
  let folder: string
  let server: ServerProcess
  let address: string
  let client: PixelLLM
  let browser: TestBrowser
  /** What is sent from the page. */
  let archive: Buffer
  /** What jobs are started on that are not started on the page. */
  let dataset: string
  /** A job that has made a model. */
  let finished: TrainingJob

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pixelllm-panel-'))
    server = await ServerProcess.start({ PIXELLLM_DATA_DIR: folder })
    address = await server.address()
    client = new PixelLLM({ baseUrl: address })
    browser = await TestBrowser.open(address)
    archive = Buffer.from(await (await sceneArchive(4, '--new-things')).arrayBuffer())
    dataset = (await uploadScenes(client, 8)).id
    const { id } = await start(20, 'finished')
    finished = (await followToEnd(client, id)).job
  })

  afterEach(async () => {
    for (const { id, finished_at } of await client.trainingJobs.list().all()) {
      if (finished_at === null) await client.trainingJobs.cancel(id)
    }
    await browser.tidy()
    expect(browser.takeComplaints()).toEqual([])
  })

  afterAll(async () => {
    await browser?.close()
    await ServerProcess.killAll()
    await rm(folder, { recursive: true, force: true })
  })

  function start(steps: number, name: string): Promise<TrainingJob> {
    return client.trainingJobs.create({
      recipe: 'trace',
      dataset,
      name,
      hyperparameters: { ...QUICK, steps },
    })
  }

  /** The panel with a job that runs and has told so many steps. */
  async function openWithJob(name: string, told = 1): Promise<{ page: Page; id: string }> {
    const { id } = await start(ENDLESS, name)
    const page = await openPanel(id)
    await page.waitForSelector(`#events p:text("Step ${told} of ${ENDLESS}")`)
    return { page, id }
  }

  /** The panel with a job, which is known to the page when it opens. */
  async function openPanel(id: string): Promise<Page> {
    const page = await browser.page(undefined, '/#train')
    await page.click(`#jobs [data-job="${id}"]`)
    await page.waitForSelector('#job:not([hidden])')
    return page
  }

  async function send(page: Page, name: string, buffer: Buffer): Promise<void> {
    await page.setInputFiles('#archive', { name, mimeType: 'application/octet-stream', buffer })
    await page.click('#send')
  }

  /** The panel with a dataset of its own, which was sent there and is chosen. */
  async function openWithDataset(): Promise<Page> {
    const page = await browser.page(undefined, '/#train')
    await send(page, 'lighthouses.tar.gz', archive)
    await page.waitForSelector('#dataset option:checked:text("lighthouses.tar.gz")', {
      state: 'attached',
    })
    await page.waitForSelector('.counts')
    return page
  }

  test('sends a dataset and shows its counts and samples', async () => {
    const page = await openWithDataset()

    const { counts, samples } = await client.datasets.read(await page.inputValue('#dataset'))
    expect(await page.textContent('.counts')).toContain(`4pictures${counts?.captions}captions`)
    expect(await page.textContent('.said')).toContain(samples[0]?.captions[0])
    expect(await page.isEnabled('#start')).toBe(true)
  })

  test('shows how much of a dataset is sent, and can stop', async () => {
    const page = await browser.page(undefined, '/#train')
    const before = await client.datasets.list().all()
    await page.route('**/v1/datasets', () => undefined) // it never arrives
    await send(page, 'lighthouses.tar', Buffer.alloc(4096))
    await page.waitForSelector('#sending:not([hidden])')

    const ended = page.waitForEvent('requestfailed')
    await page.click('#send-stop')
    await ended
    await page.waitForSelector('#sending', { state: 'hidden' })

    expect(await page.isVisible('#dataset-problem')).toBe(false)
    expect(await page.isEnabled('#send')).toBe(true)
    expect(await client.datasets.list().all()).toEqual(before)
  })

  test('shows what is wrong with a dataset, on which no job can start', async () => {
    const page = await browser.page(undefined, '/#train')

    const region = { box: [0, 0, 5000, 10], caption: 'a boat' }
    await send(page, 'faulty.tar', tarOf(datasetFiles({ image: 'a.png', regions: [region] })))
    await page.waitForSelector('.faults')

    expect(await page.textContent('.faults')).toMatch(/^data\.jsonl, line 1: .*box.*\.$/)
    expect(await page.isEnabled('#start')).toBe(false)
  })

  test('says why an archive is refused', async () => {
    const page = await browser.page(undefined, '/#train')

    await send(page, 'notes.zip', Buffer.from('no archive at all'))
    await page.waitForSelector('#dataset-problem:not([hidden])')

    expect(await page.textContent('#dataset-problem')).toBe(
      'This is no archive; send a tar, a tar.gz or a zip.',
    )
  })

  test('starts a job with what the form says', async () => {
    const page = await openWithDataset()

    await page.selectOption('#recipe', 'densecap')
    await page.fill('#job-name', 'first-try')
    await page.fill('#steps', '300')
    await page.fill('#batch-size', '')
    await page.fill('#learning-rate', '0.0005')
    await page.click('#start')
    await page.waitForSelector('#job-title:text("first-try")')

    const [job] = await client.trainingJobs.list().first()
    expect(job).toMatchObject({
      recipe: 'densecap',
      dataset: await page.inputValue('#dataset'),
      base_model: 'tiny',
      hyperparameters: { steps: 300, 'optimiser.learning_rate': 0.0005 },
      name: 'first-try',
    })
    expect(await page.textContent('#job-about')).toBe('densecap, from tiny')
  })

  test('draws the losses and tells the events as they come', async () => {
    const { page, id } = await openWithJob('curve', 4)
    await client.trainingJobs.pause(id)
    await page.waitForSelector('#job-status[data-status="paused"]')

    const { progress } = await client.trainingJobs.read(id)
    const step = progress?.step ?? 0
    await page.waitForSelector(`#curve svg[aria-label^="Losses up to step ${step}"]`)
    const points = await page.getAttribute('#curve .total', 'points')
    expect(points?.split(' ')).toHaveLength(step)
    expect(await page.textContent('#job-pace')).toContain(`Step ${step} of ${ENDLESS}`)
    expect(await eventLines(page)).toEqual(await messagesOf(id))
  })

  test('goes on behind the last event when the server was away', async () => {
    const { page, id } = await openWithJob('away', 2)

    server.signal('SIGKILL')
    await page.waitForSelector('#connection:text("The connection broke")')
    await server.exited
    server = await ServerProcess.start({
      PIXELLLM_DATA_DIR: folder,
      PIXELLLM_PORT: new URL(address).port,
    })
    await server.address()
    await page.waitForSelector('#connection', { state: 'hidden' })
    await client.trainingJobs.pause(id)
    await page.waitForSelector('#job-status[data-status="paused"]')

    expect(await eventLines(page)).toEqual(await messagesOf(id))
    expect(await page.isVisible('#job-problem')).toBe(false)
  })

  test('pauses, resumes and cancels a job', async () => {
    const { page } = await openWithJob('changed')

    await page.click('#pause')
    await page.waitForSelector('#job-status[data-status="paused"]')
    const offeredPaused = await offered(page)
    await page.click('#resume')
    await page.waitForSelector('#job-status[data-status="running"]')
    await page.click('#cancel')
    await page.waitForSelector('#job-status[data-status="cancelled"]')

    expect(offeredPaused).toEqual(['resume', 'cancel'])
    expect(await offered(page)).toEqual([])
  })

  test('activates the model of a job, which then answers', async () => {
    const page = await openPanel(finished.id)
    const model = finished.model ?? ''

    await page.click('#activate')
    await page.waitForSelector(`#activate:text("${model} is active")`)
    await page.click('nav a[href="#ask"]')
    await page.click('[aria-label="Sample: street"]')
    await page.waitForSelector('#answer[aria-busy="false"] #answer-facts:not(:empty)')

    expect(await page.inputValue('#model')).toBe(model)
    const answer = JSON.parse((await page.textContent('#text-json')) ?? '')
    expect(CaptionResult.parse(answer).model).toBe(model)
  })

  test('says why a job failed', async () => {
    const page = await openWithDataset()

    await page.selectOption('#recipe', 'trace')
    await page.fill('#batch-size', '1')
    await page.fill('#learning-rate', '1e30')
    await page.click('#start')
    await page.waitForSelector('#job-status[data-status="failed"]')

    const [job] = await client.trainingJobs.list().first()
    expect(job?.error?.code).toBe('training_diverged')
    const said = (await page.textContent('#job-problem')) ?? ''
    expect(said.toLowerCase()).toContain(job?.error?.message.toLowerCase())
  })

  test.each(['light', 'dark'] as const)('has no fault that axe-core finds, %s', async (theme) => {
    const page = await browser.page({ colorScheme: theme }, '/#train')
    await page.click(`#jobs [data-job="${finished.id}"]`)
    await page.waitForSelector('#curve svg[aria-label^="Losses up to step 20"]')
    await page.selectOption('#dataset', dataset)
    await page.waitForSelector('.counts')

    expect(await faultsOf(page)).toEqual([])
    await keepScreenshot(page, `training-${theme}`)
  })

  test('fits a phone of 360 pixels', async () => {
    const page = await browser.page({ viewport: { width: 360, height: 780 } }, '/#train')
    await page.click(`#jobs [data-job="${finished.id}"]`)
    await page.waitForSelector('#curve svg')

    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360)
    await keepScreenshot(page, 'training-phone')
  })

  /** What the server says has happened to a job, as the page writes it. */
  async function messagesOf(id: string): Promise<string[]> {
    const events = await client.trainingJobs.pastEvents(id).all()
    return events.map(({ message }) => asSentence(message))
  }
})

/** The events that the page tells, without their times. */
async function eventLines(page: Page): Promise<string[]> {
  const lines = await page.locator('#events p').allTextContents()
  return lines.map((line) => line.replace(/^\S+( [AP]M)? /, ''))
}

/** The changes that the panel offers. */
async function offered(page: Page): Promise<string[]> {
  const names = ['pause', 'resume', 'cancel', 'activate']
  const visible = await Promise.all(names.map((name) => page.isVisible(`#${name}`)))
  return names.filter((_, index) => visible[index])
}
