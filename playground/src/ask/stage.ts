/** The picture with what lies on it, for the pointer and for the keyboard. */
import type { Location, Point } from '@pixelllm/sdk'
import { isCalm } from '../page/calm.ts'
import { find, show } from '../page/elements.ts'
import { type Canvas, drawScene, RING_MS } from './draw.ts'
import { boxBetween, roundWithin, type Size, toPicture } from './frame.ts'
import { markAt } from './mark.ts'
import { emptyScene, type Scene } from './scene.ts'

/** A drag that is shorter than this, in pixels of the page, is a click. */
const SHORTEST_DRAG = 6
/** How near the pointer must come to a point. */
const REACH = 16
/** The steps of the cross, as parts of the picture's longer side. */
const STEP = { fine: 0.005, usual: 0.025 }

const MOVES: Readonly<Record<string, Point>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
}

export interface StageOptions {
  readonly onAsk: (location: Location) => void
  /** The mark under the pointer or the cross has changed; -1 for none. */
  readonly onLight: (index: number) => void
  readonly say: (sentence: string) => void
}

export class Stage {
  readonly #element = find('#stage', HTMLElement)
  readonly #image = find('#picture', HTMLImageElement)
  readonly #canvas = find('#overlay', HTMLCanvasElement)
  readonly #options: StageOptions
  #size: Size = { width: 1, height: 1 }
  #scene: Scene = emptyScene
  /** Where a box begins, in pixels of the picture: by the pointer, or by the keyboard. */
  #corner: Point | undefined
  #isDragging = false
  #at: Point | undefined
  #cross: Point | undefined
  #frame = 0

  constructor(options: StageOptions) {
    this.#options = options
    new ResizeObserver(() => this.#draw()).observe(this.#canvas)
    this.#element.addEventListener('pointerdown', (event) => this.#press(event))
    this.#element.addEventListener('pointermove', (event) => this.#move(event))
    this.#element.addEventListener('pointerup', (event) => this.#release(event))
    this.#element.addEventListener('pointercancel', () => this.#letGo())
    this.#element.addEventListener('pointerleave', () => this.#leave())
    this.#element.addEventListener('keydown', (event) => this.#key(event))
    this.#element.addEventListener('focus', () => this.#focus())
    this.#element.addEventListener('blur', () => this.#blur())
  }

  /** Shows another picture, with nothing on it. */
  setPicture(address: string, size: Size): void {
    this.#size = size
    this.#image.src = address
    this.#image.width = size.width
    this.#image.height = size.height
    this.#image.alt = 'The chosen picture'
    this.#element.style.setProperty('--ratio', String(size.width / size.height))
    this.#cross = undefined
    this.#letGo()
    show(true, this.#element)
    this.setScene(emptyScene)
  }

  describePicture(caption: string): void {
    this.#image.alt = `The chosen picture: ${caption}`
  }

  setScene(scene: Scene): void {
    this.#scene = scene
    this.#draw()
  }

  #press(event: PointerEvent): void {
    if (event.button !== 0) return
    event.preventDefault() // no dragging of the picture itself
    this.#element.setPointerCapture(event.pointerId)
    this.#corner = this.#pointOf(event)
    this.#isDragging = true
    this.#cross = undefined
  }

  #move(event: PointerEvent): void {
    this.#at = this.#pointOf(event)
    if (this.#isDragging) this.#draw()
    else this.#light(this.#at)
  }

  #release(event: PointerEvent): void {
    if (!this.#isDragging || this.#corner === undefined) return
    const at = this.#pointOf(event)
    const corner = this.#corner
    this.#letGo()
    this.#ask(corner, at)
  }

  /** A box, or a point where the corners are hardly apart. */
  #ask(corner: Point, at: Point): void {
    const [left, top, right, bottom] = boxBetween(corner, at)
    const shortest = SHORTEST_DRAG / this.#scale()
    const isBox = right - left >= shortest && bottom - top >= shortest
    if (isBox) this.#options.onAsk({ type: 'box', box: [left, top, right, bottom] })
    else this.#options.onAsk({ type: 'point', point: at })
  }

  #letGo(): void {
    this.#corner = undefined
    this.#isDragging = false
    this.#draw()
  }

  #leave(): void {
    if (!this.#isDragging) this.#options.onLight(-1)
  }

  #focus(): void {
    if (!this.#element.matches(':focus-visible')) return
    this.#cross ??= [Math.round(this.#size.width / 2), Math.round(this.#size.height / 2)]
    this.#draw()
  }

  #blur(): void {
    if (!this.#isDragging) this.#corner = undefined
    this.#cross = undefined
    this.#options.onLight(-1)
    this.#draw()
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const direction = MOVES[event.key]
    if (direction !== undefined) this.#moveCross(direction, event.shiftKey)
    else if (event.key === 'Enter') this.#commit()
    else if (event.key === ' ' || event.key === 'b') this.#beginBox()
    else if (event.key === 'Escape' && this.#corner !== undefined) this.#giveUpBox()
    else return
    event.preventDefault()
  }

  #moveCross([dx, dy]: Point, isFine: boolean): void {
    const { width, height } = this.#size
    const [x, y] = this.#crossOrMiddle()
    const step = Math.max(1, Math.max(width, height) * (isFine ? STEP.fine : STEP.usual))
    this.#cross = [roundWithin(x + dx * step, width), roundWithin(y + dy * step, height)]
    const lit = this.#light(this.#cross)
    const label = this.#scene.marks[lit]?.label
    this.#options.say(`${this.#cross.join(', ')}${label === undefined ? '' : `: ${label}`}`)
    this.#draw()
  }

  #beginBox(): void {
    this.#corner = this.#crossOrMiddle()
    this.#options.say(`The box begins at ${this.#corner.join(', ')}. Move on and press Enter.`)
    this.#draw()
  }

  #giveUpBox(): void {
    this.#letGo()
    this.#options.say('No box.')
  }

  #commit(): void {
    const at = this.#crossOrMiddle()
    const corner = this.#corner ?? at
    this.#letGo()
    this.#ask(corner, at)
  }

  #crossOrMiddle(): Point {
    const { width, height } = this.#size
    this.#cross ??= [Math.round(width / 2), Math.round(height / 2)]
    return this.#cross
  }

  #light(at: Point): number {
    const lit = markAt(this.#scene.marks, at, REACH / this.#scale())
    if (lit !== this.#scene.lit) this.#options.onLight(lit)
    return lit
  }

  /** Pixels of the page for a pixel of the picture. */
  #scale(): number {
    return (this.#canvas.clientWidth || 1) / this.#size.width
  }

  #pointOf({ clientX, clientY }: PointerEvent): Point {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect()
    return toPicture([clientX - left, clientY - top], { width, height }, this.#size)
  }

  #draw(): void {
    cancelAnimationFrame(this.#frame)
    this.#frame = requestAnimationFrame((now) => this.#paint(now))
  }

  #paint(now: number): void {
    const canvas = this.#fit()
    if (canvas === undefined) return
    const end = this.#isDragging ? this.#at : this.#cross
    const box = this.#corner && end && boxBetween(this.#corner, end)
    const time = isCalm() ? Number.POSITIVE_INFINITY : now
    drawScene(canvas, this.#scene, { cross: this.#cross, box }, time)
    if (this.#scene.marks.some(({ since }) => time - since < RING_MS)) this.#draw()
  }

  /** As many pixels as the screen has there. */
  #fit(): Canvas | undefined {
    const { clientWidth: width, clientHeight: height } = this.#canvas
    const context = this.#canvas.getContext('2d')
    if (context === null || width === 0) return undefined
    const ratio = devicePixelRatio
    const wanted = { width: Math.round(width * ratio), height: Math.round(height * ratio) }
    if (this.#canvas.width !== wanted.width) this.#canvas.width = wanted.width
    if (this.#canvas.height !== wanted.height) this.#canvas.height = wanted.height
    context.setTransform(ratio, 0, 0, ratio, 0, 0)
    return { context, width, height, scale: this.#scale() }
  }
}
