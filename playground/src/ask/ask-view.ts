/** The view that asks about a picture. */
import { find, show } from '../page/elements.ts'
import { say } from '../page/live.ts'
import { sentenceOf } from '../page/sentence.ts'
import { Answer } from './answer.ts'
import { Asking } from './asking.ts'
import { startChoosing } from './choosing.ts'
import { Models } from './models.ts'
import { Picture } from './pictures.ts'
import type { Question } from './question.ts'
import { showSamples } from './samples.ts'
import { Stage } from './stage.ts'

export class AskView {
  readonly models = new Models(() => this.#allow())
  readonly #answer = new Answer({
    onScene: (scene) => this.#stage.setScene(scene),
    onCaption: (caption) => this.#stage.describePicture(caption),
  })
  readonly #stage = new Stage({
    onAsk: (location) => this.#ask({ task: 'describe', location }),
    onLight: (index) => this.#answer.light(index),
    say,
  })
  readonly #asking = new Asking({
    answer: this.#answer,
    onRunning: (isRunning) => this.#setRunning(isRunning),
  })
  readonly #stop = find('#stop', HTMLButtonElement)
  readonly #phrase = find('#phrase', HTMLInputElement)
  readonly #pictureProblem = find('#picture-problem', HTMLElement)
  #picture: Picture | undefined
  /** The last choice, while its picture is on the way. */
  #choice = 0
  #last: Question = { task: 'caption' }

  constructor(isActive: () => boolean) {
    startChoosing(isActive, (blob) => void this.#choose(Promise.resolve(blob)))
    showSamples((picture) => void this.#choose(picture))
    find('#ask-caption', HTMLElement).addEventListener('click', () =>
      this.#ask({ task: 'caption' }),
    )
    find('#ask-regions', HTMLElement).addEventListener('click', () =>
      this.#ask({ task: 'dense_caption', words: true }),
    )
    find('#ask-phrase', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault()
      this.#find()
    })
    find('#again', HTMLElement).addEventListener('click', () => this.#ask(this.#last))
    this.#stop.addEventListener('click', () => this.#asking.stop())
    document.addEventListener('keydown', ({ key }) => {
      if (key === 'Escape') this.#asking.stop()
    })
  }

  /** Of several choices the last one counts, however long their pictures take. */
  async #choose(picture: Promise<Blob>): Promise<void> {
    const choice = ++this.#choice
    show(false, this.#pictureProblem)
    document.body.classList.add('sending')
    try {
      const sent = await Picture.send(await picture)
      if (choice === this.#choice) this.#setPicture(sent)
      else sent.close()
    } catch (error) {
      if (choice !== this.#choice) return
      this.#pictureProblem.textContent = sentenceOf(error)
      show(true, this.#pictureProblem)
    } finally {
      if (choice === this.#choice) document.body.classList.remove('sending')
    }
  }

  #setPicture(picture: Picture): void {
    this.#asking.forget()
    this.#picture?.close()
    this.#picture = picture
    show(false, find('#invitation', HTMLElement))
    this.#answer.clear()
    this.#stage.setPicture(picture.address, picture.stored)
    this.#allow()
    this.#ask({ task: 'caption' })
  }

  #find(): void {
    const phrase = this.#phrase.value.trim()
    const canSegment = this.models.chosen?.tasks.includes('segment') ?? true
    if (phrase === '') this.#phrase.focus()
    else this.#ask({ task: canSegment ? 'segment' : 'locate', phrase })
  }

  #ask(question: Question): void {
    if (this.#picture === undefined) return
    this.#last = question
    void this.#asking.ask(question, this.#picture, this.models.named)
  }

  /** Offers what can be asked: a picture is there, and the model has the part. */
  #allow(): void {
    const tasks = this.models.chosen?.tasks ?? []
    const can = (task: (typeof tasks)[number]): boolean =>
      this.#picture !== undefined && tasks.includes(task)
    find('#ask-caption', HTMLButtonElement).disabled = !can('caption')
    find('#ask-regions', HTMLButtonElement).disabled = !can('dense_caption')
    find('#ask-phrase-button', HTMLButtonElement).disabled = !can('locate')
    this.#phrase.disabled = !can('locate')
  }

  #setRunning(isRunning: boolean): void {
    this.#stop.classList.toggle('idle', !isRunning)
    this.#stop.disabled = !isRunning
  }
}
