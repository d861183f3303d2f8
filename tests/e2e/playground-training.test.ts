/** The playground's training panel in a browser; the routes of datasets and jobs are fakes of the contract. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Page } from 'playwright-core'
import { sendProblem } from '../../api/errors.ts'
import { builtPlayground, readPlayground } from '../../api/playground.ts'
import { registerUploads } from '../../api/plugins/uploads.ts'
import { playgroundRoutes } from '../../api/routes/playground.ts'
import type { TrainingJob, TrainingProgress } from '../../schemas/index.ts'
import { describeInBrowser, faultsOf, keepScreenshot, TestBrowser } from '../helpers/browser.ts'
import { FakeTraining } from '../helpers/fake-training.ts'
import { FakeWorker } from '../helpers/fake-worker.ts'

const TAR = { name: 'lighthouses.tar', mimeType: 'application/x-tar', buffer: Buffer.alloc(4096) }
const MODEL = 'tiny-lighthouses-00000000'

describeInBrowser('the training panel', () => {
  let app: FastifyInstance
  let training: FakeTraining
  let browser: TestBrowser

  beforeAll(async () => {
    app = Fastify()
    app.setErrorHandler(sendProblem)
    await registerUploads(app, 2 ** 20)
    playgroundRoutes(app, await readPlayground(builtPlayground()))
    training = new FakeTraining(new FakeWorker())
    training.mount(app)
    browser = await TestBrowser.open(await app.listen({ host: '127.0.0.1', port: 0 }))
  })

  afterEach(async () => {
    await browser.tidy()
    training.cut()
    training.clear()
    expect(browser.takeComplaints()).toEqual([])
  })

  afterAll(async () => {
    await browser.close()
    training.cut()
    await app.close()
  })

  /** The panel with a dataset that was sent and is chosen. */
  async function openWithDataset(file = TAR): Promise<Page> {
    const page = await browser.page(undefined, '/#train')
    await page.setInputFiles('#archive', file)
    await page.click('#send')
    await page.waitForSelector(`#dataset option:text("${file.name}")`, { state: 'attached' })
    await page.waitForSelector('.counts')
    return page
  }

  /** The same with a job that runs. */
  async function openWithJob(): Promise<{ page: Page; id: string }> {
    const page = await openWithDataset()
    await page.fill('#job-name', 'lighthouses')
    await page.click('#start')
    await page.waitForSelector('#job:not([hidden])')
    const { id } = newest(training.jobs)
    training.happen(id, {
      type: 'status',
      message: 'the worker began',
      data: { status: 'running' },
      job: { status: 'running' },
    })
    await page.waitForSelector('#job-status[data-status="running"]')
    return { page, id }
  }

  test('sends a dataset and shows its counts and samples', async () => {
    const page = await openWithDataset()

    expect(await page.textContent('.counts')).toContain('12phrases')
    expect(await page.textContent('.said')).toContain('a red boat by the sea')
    expect(await page.isEnabled('#start')).toBe(true)
  })

  test('shows how much of a dataset is sent, and can stop', async () => {
    const page = await browser.page(undefined, '/#train')
    await page.route('**/v1/datasets', () => undefined) // it never arrives
    await page.setInputFiles('#archive', TAR)
    await page.click('#send')
    await page.waitForSelector('#sending:not([hidden])')

    const ended = page.waitForEvent('requestfailed')
    await page.click('#send-stop')
    await ended
    await page.waitForSelector('#sending', { state: 'hidden' })

    expect(await page.isVisible('#dataset-problem')).toBe(false)
    expect(await page.isEnabled('#send')).toBe(true)
    expect(training.datasets).toEqual([])
  })

  test('shows what is wrong with a dataset, on which no job can start', async () => {
    const page = await openWithDataset({ ...TAR, name: 'faulty.tar' })

    expect(await page.textContent('.faults')).toBe(
      'data.jsonl, line 3: The box reaches outside the image.',
    )
    expect(await page.isEnabled('#start')).toBe(false)
  })

  test('says why an archive is refused', async () => {
    const page = await browser.page(undefined, '/#train')

    await page.setInputFiles('#archive', { ...TAR, name: 'notes.zip' })
    await page.click('#send')
    await page.waitForSelector('#dataset-problem:not([hidden])')

    expect(await page.textContent('#dataset-problem')).toBe(
      'The file is no tar, tar.gz or zip archive.',
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
    await page.waitForSelector('#job:not([hidden])')

    expect(training.requests).toEqual([
      {
        recipe: 'densecap',
        dataset: training.datasets[0]?.id,
        base_model: 'tiny',
        hyperparameters: { steps: 300, 'optimiser.learning_rate': 0.0005 },
        seed: 0,
        name: 'first-try',
        metadata: {},
      },
    ])
    expect(await page.textContent('#job-title')).toBe('first-try')
    expect(await page.textContent('#job-status')).toBe('queued')
  })

  test('draws the losses and tells the events as they come', async () => {
    const { page, id } = await openWithJob()

    for (const step of [10, 20, 30]) training.happen(id, reportAt(step))
    await page.waitForSelector('#curve svg[aria-label^="Losses up to step 30"]')
    await page.waitForSelector('#job-pace:text("Step 30 of 60")')

    const points = await page.getAttribute('#curve .total', 'points')
    expect(points?.split(' ')).toHaveLength(3)
    expect(await page.textContent('#events')).toContain('Step 30 of 60.')
    expect(await page.evaluate(`document.querySelector('#job-progress').value`)).toBe(0.5)
    await keepScreenshot(page, 'training')
  })

  test('goes on behind the last event when the connection breaks', async () => {
    const { page, id } = await openWithJob()
    training.happen(id, reportAt(10))
    await page.waitForSelector('#events p:text("Step 10 of 60.")')

    training.cut()
    training.happen(id, reportAt(20))
    await page.waitForSelector('#events p:text("Step 20 of 60.")')

    const lines = await page.locator('#events p').allTextContents()
    expect(lines.map((line) => line.replace(/^\S+( [AP]M)? /, ''))).toEqual([
      'Queued.',
      'The worker began.',
      'Step 10 of 60.',
      'Step 20 of 60.',
    ])
    expect(training.opened).toEqual([0, 3])
  })

  test('pauses, resumes and cancels a job', async () => {
    const { page } = await openWithJob()

    await page.click('#pause')
    await page.waitForSelector('#job-status:text("paused")')
    const offeredPaused = await offered(page)
    await page.click('#resume')
    await page.waitForSelector('#job-status:text("queued")')
    await page.click('#cancel')
    await page.waitForSelector('#job-status:text("cancelled")')

    expect(offeredPaused).toEqual(['resume', 'cancel'])
    expect(await offered(page)).toEqual([])
  })

  test('activates the model of a job, which can then be asked', async () => {
    const { page, id } = await openWithJob()
    training.happen(id, {
      type: 'status',
      message: 'the model is there',
      data: { status: 'succeeded', model: MODEL },
      job: { status: 'succeeded', model: MODEL },
    })
    await page.click('#activate')
    await page.waitForSelector(`#activate:text("${MODEL} is active")`)

    await page.click('nav a[href="#ask"]')

    expect(training.activated).toEqual([MODEL])
    expect(await page.inputValue('#model')).toBe(MODEL)
  })

  test('says why a job failed', async () => {
    const { page, id } = await openWithJob()

    training.happen(id, {
      type: 'status',
      message: 'failed',
      data: { status: 'failed' },
      job: {
        status: 'failed',
        error: {
          code: 'out_of_memory',
          message: 'the device has no memory left: halve batch_size',
        },
      },
    })
    await page.waitForSelector('#job-problem:not([hidden])')

    expect(await page.textContent('#job-problem')).toBe(
      'The device has no memory left: halve batch_size.',
    )
  })

  test.each(['light', 'dark'] as const)('has no fault that axe-core finds, %s', async (theme) => {
    await openWithJob()
    training.happen(newest(training.jobs).id, reportAt(10))

    const page = await browser.page({ colorScheme: theme }, '/#train')
    await page.waitForSelector('#curve svg')
    await page.waitForSelector('.counts')

    expect(await faultsOf(page)).toEqual([])
    await keepScreenshot(page, `training-${theme}`)
  })

  test('fits a phone of 360 pixels', async () => {
    const { id } = await openWithJob()
    training.happen(id, reportAt(10))

    const page = await browser.page({ viewport: { width: 360, height: 780 } }, '/#train')
    await page.waitForSelector('#curve svg')

    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360)
  })
})

function newest(jobs: readonly TrainingJob[]): TrainingJob {
  const [job] = jobs
  if (job === undefined) throw new Error('no job was started')
  return job
}

function reportAt(step: number): Parameters<FakeTraining['happen']>[1] {
  const losses = { text: 20 / step, place: 10 / step, total: 30 / step }
  const progress: TrainingProgress = {
    step,
    steps: 60,
    losses,
    learning_rate: 0.0005,
    images_per_s: 13.2,
    memory_bytes: null,
    remaining_s: 60 - step,
  }
  return { type: 'metrics', message: `step ${step} of 60`, data: progress, job: { progress } }
}

/** The changes that the panel offers. */
async function offered(page: Page): Promise<string[]> {
  const names = ['pause', 'resume', 'cancel', 'activate']
  const visible = await Promise.all(names.map((name) => page.isVisible(`#${name}`)))
  return names.filter((_, index) => visible[index])
}
