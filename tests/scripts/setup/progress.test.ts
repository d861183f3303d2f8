import { progressTo } from '../../../scripts/setup/progress.mjs'

function record(isTTY: boolean) {
  const written: string[] = []
  const progress = progressTo({
    isTTY,
    columns: 40,
    write: (text: string) => written.push(text) > 0,
  })
  return { progress, text: () => written.join('') }
}

describe('what a person sees of set-up', () => {
  test('is one line per step with its time, after one line that names the log', () => {
    const { progress, text } = record(false)

    progress.begin('npm packages').done()
    progress.begin('build').broken('failed')

    expect(text()).toMatch(
      /^Setting up PixelLLM Server \(.*setup\.log\)\n {2}npm packages … \d+\.\d s\n {2}build … failed after \d+\.\d s\n$/,
    )
  })

  test('on a terminal ends in the same line, and never wraps meanwhile', () => {
    const { progress, text } = record(true)

    const line = progress.begin('Python packages')
    line.detail(`Downloading torch ${'x'.repeat(200)}`)
    line.done()

    const drawn = text()
      .split(/[\r\n]/)
      .map((line) => line.replace('\x1b[K', ''))
    expect(drawn.slice(1).every((line) => line.length < 40)).toBe(true)
    expect(drawn.at(-2)).toMatch(/^ {2}Python packages … \d+\.\d s$/)
  })
})
