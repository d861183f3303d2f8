/** The answer on the page: the caption, what lies on the picture, and both pointing at each other. */
import type {
  CaptionResult,
  DenseCaptionResult,
  LocateResult,
  Location,
  Region,
  SegmentResult,
  Word,
} from '@pixelllm/sdk'
import { find, show } from '../page/elements.ts'
import { say, sayMore } from '../page/live.ts'
import { canTryAgain, sentenceOf } from '../page/sentence.ts'
import { ByHand } from './by-hand.ts'
import { colourOf, WordColours } from './colours.ts'
import type { Mark } from './mark.ts'
import { pictureOf } from './mask.ts'
import { type Asked, type Question, titleOf } from './question.ts'
import { Regions } from './regions.ts'
import { emptyScene, type Scene } from './scene.ts'
import { percent, Words } from './words.ts'

export interface AnswerOptions {
  readonly onScene: (scene: Scene) => void
  readonly onCaption: (caption: string) => void
}

export class Answer {
  readonly #options: AnswerOptions
  readonly #element = find('#answer', HTMLElement)
  readonly #title = find('#answer-title', HTMLElement)
  readonly #facts = find('#answer-facts', HTMLElement)
  readonly #caption = find('#caption', HTMLElement)
  readonly #problem = find('#problem', HTMLElement)
  readonly #problemText = find('#problem-text', HTMLElement)
  readonly #again = find('#again', HTMLElement)
  readonly #words = new Words(this.#caption, (index) => this.#lightWord(index))
  readonly #regions = new Regions((index) => this.#goToRegion(index))
  readonly #byHand = new ByHand()
  #colours = new WordColours()
  #scene: Scene = emptyScene
  /** Of a dense caption; then the marks are the regions. */
  #found: readonly Region[] = []
  #chosen = 0

  constructor(options: AnswerOptions) {
    this.#options = options
  }

  /** Takes away what was there. */
  clear(): void {
    this.#element.classList.remove('empty')
    this.#words.clear()
    this.#regions.hide()
    this.#byHand.hide()
    this.#facts.textContent = ''
    this.#colours = new WordColours()
    this.#found = []
    show(false, this.#problem)
    this.#setScene(emptyScene)
  }

  begin(question: Question): void {
    this.clear()
    this.#title.textContent = titleOf(question)
    this.#setBusy(true)
    const asked: Location | undefined = 'location' in question ? question.location : undefined
    this.#setScene({ ...emptyScene, asked })
    say('')
  }

  addWord(word: Word): void {
    const colour = this.#colours.next(word.box)
    this.#words.add(word, colour)
    sayMore(word.text)
    const marks = [...this.#scene.marks, markOf(word, colour)]
    this.#setScene({ ...this.#scene, marks, lit: marks.length - 1 })
    this.#words.light(marks.length - 1)
  }

  endCaption(asked: Asked, result: CaptionResult, ms: number): void {
    this.#words.punctuate(result.caption)
    if (result.words.length === 0) this.#words.write(result.caption || '(no words)')
    this.#lightWord(-1)
    this.#end(asked, result, factsOf(result.score, ms, result.model))
    this.#options.onCaption(result.caption)
    say(`${result.caption}.`)
  }

  setFound(asked: Asked, result: LocateResult | SegmentResult, ms: number): void {
    const colour = colourOf(0)
    const { phrase, box, score } = result
    const mask = 'mask' in result ? pictureOf(result.mask, colour) : undefined
    const end = Array.from(phrase).length
    this.#words.add({ text: phrase, start: 0, end, point: middleOf(box), box, score }, colour)
    this.#words.punctuate(phrase)
    this.#setScene({
      ...emptyScene,
      marks: [{ label: phrase, colour, box, since: performance.now() }],
      lit: 0,
      mask,
    })
    const fit = 'mask' in result ? `, of the mask to ${percent(result.mask_score)}` : ''
    this.#end(asked, result, factsOf(score, ms, result.model, fit))
    say(`Found ${phrase} in the box ${box.map(Math.round).join(', ')}, sure to ${percent(score)}.`)
  }

  setRegions(asked: Asked, result: DenseCaptionResult, ms: number): void {
    const { regions } = result
    this.#found = regions
    this.#regions.setRegions(regions)
    const count = regions.length === 1 ? 'One region' : `${regions.length} regions`
    this.#end(asked, result, `${count}, ${secondsOf(ms)}, by ${result.model}`)
    if (regions.length === 0) {
      this.#words.write('The model finds nothing here that it is sure of.')
      return
    }
    say(`${count}.`)
    const since = performance.now()
    const marks = regions.map(({ box, caption }, index) => ({
      label: caption,
      colour: colourOf(index),
      box,
      since,
    }))
    this.#setScene({ ...emptyScene, marks })
    this.#goToRegion(0)
  }

  fail(error: unknown): void {
    this.#setBusy(false)
    this.#problemText.textContent = sentenceOf(error)
    show(canTryAgain(error), this.#again)
    show(true, this.#problem)
  }

  stop(): void {
    this.#setBusy(false)
    this.#facts.textContent = 'Stopped.'
    say('Stopped.')
  }

  /** The mark that the pointer or the cross is on, on the picture. */
  light(index: number): void {
    if (this.#found.length === 0) this.#lightWord(index)
    else if (index >= 0) this.#goToRegion(index)
  }

  #lightWord(index: number): void {
    if (this.#found.length > 0) {
      this.#lightWordOfRegion(index)
      return
    }
    const isThing = this.#scene.marks.length === 1 && this.#scene.marks[0]?.point === undefined
    const lit = isThing ? 0 : index
    this.#words.light(lit)
    this.#setScene({ ...this.#scene, lit })
  }

  /** In the place of the region itself, its word. */
  #lightWordOfRegion(index: number): void {
    const region = this.#found[this.#chosen]
    const word = region?.words?.[index]
    const regions = this.#scene.marks.slice(0, this.#found.length)
    const colour = regions[this.#chosen]?.colour ?? ''
    const marks = word === undefined ? regions : [...regions, markOf(word, colour)]
    this.#words.light(index)
    this.#setScene({
      ...this.#scene,
      marks,
      lit: word === undefined ? this.#chosen : regions.length,
    })
  }

  #goToRegion(index: number): void {
    const region = this.#found[index]
    if (region === undefined) return
    this.#chosen = index
    this.#regions.select(index)
    this.#words.clear()
    for (const word of region.words ?? []) this.#words.add(word, colourOf(index))
    if (region.words?.length) this.#words.punctuate(region.caption)
    else this.#words.write(region.caption || '(no words)')
    this.#lightWordOfRegion(-1)
    say(`${index + 1} of ${this.#found.length}: ${region.caption}.`)
  }

  #end(asked: Asked, result: unknown, facts: string): void {
    this.#setBusy(false)
    this.#facts.textContent = facts
    this.#byHand.setAnswer(asked, result)
  }

  #setBusy(isBusy: boolean): void {
    this.#element.setAttribute('aria-busy', String(isBusy))
  }

  #setScene(scene: Scene): void {
    this.#scene = scene
    this.#options.onScene(scene)
  }
}

function markOf(word: Word, colour: string): Mark {
  return { label: word.text, colour, box: word.box, point: word.point, since: performance.now() }
}

function factsOf(score: number, ms: number, model: string, more = ''): string {
  return `Sure to ${percent(score)}${more}, ${secondsOf(ms)}, by ${model}`
}

function secondsOf(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`
}

function middleOf([left, top, right, bottom]: LocateResult['box']): [number, number] {
  return [(left + right) / 2, (top + bottom) / 2]
}
