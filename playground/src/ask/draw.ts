/** Draws a scene. Lengths are pixels of the page; `scale` leads there from pixels of the picture. */
import type { Box, Point } from '@pixelllm/sdk'
import { area } from './colours.ts'
import type { Mark } from './mark.ts'
import type { Scene } from './scene.ts'

const DOT = 5
const LIT_DOT = 7
/** How long the ring around a new dot grows. */
export const RING_MS = 450
const RING = 22
const FILL = 0.2
const FONT = '600 13px Inter, system-ui, sans-serif'
const LABEL = { height: 22, padding: 7 }

export interface Hand {
  /** Where the cross of the keyboard is. */
  readonly cross: Point | undefined
  /** The box that is being drawn. */
  readonly box: Box | undefined
}

export interface Canvas {
  readonly context: CanvasRenderingContext2D
  readonly width: number
  readonly height: number
  readonly scale: number
}

export function drawScene(canvas: Canvas, scene: Scene, hand: Hand, now: number): void {
  const { context, width, height } = canvas
  context.clearRect(0, 0, width, height)
  if (scene.mask !== undefined) drawMask(canvas, scene.mask)
  const lit = scene.marks[scene.lit]
  for (const mark of scene.marks) {
    if (mark !== lit) drawMark(canvas, mark, lit === undefined ? 1 : 0.4, now)
  }
  if (scene.asked !== undefined) drawAsked(canvas, scene.asked)
  if (lit !== undefined) drawLit(canvas, lit, now)
  if (hand.box !== undefined) drawDashed(canvas, hand.box)
  if (hand.cross !== undefined) drawCross(canvas, hand.cross)
}

function drawMark(canvas: Canvas, mark: Mark, alpha: number, now: number): void {
  canvas.context.globalAlpha = alpha
  if (mark.point === undefined) strokeBox(canvas, mark.box, mark.colour, 1.5)
  else drawDot(canvas, mark.point, mark, DOT, now)
  canvas.context.globalAlpha = 1
}

function drawLit(canvas: Canvas, mark: Mark, now: number): void {
  const { context, scale } = canvas
  const [left, top, right, bottom] = mark.box
  const share = (area(mark.box) * scale * scale) / (canvas.width * canvas.height)
  context.globalAlpha = FILL * Math.max(1 - share, 0) // a place that is everywhere hides nothing
  context.fillStyle = mark.colour
  context.fillRect(left * scale, top * scale, (right - left) * scale, (bottom - top) * scale)
  context.globalAlpha = 1
  strokeBox(canvas, mark.box, mark.colour, 2.5)
  if (mark.point !== undefined) drawDot(canvas, mark.point, mark, LIT_DOT, now)
  drawLabel(canvas, mark)
}

function drawDot(
  { context, scale }: Canvas,
  [x, y]: Point,
  { colour, since }: Mark,
  radius: number,
  now: number,
): void {
  const age = Math.max(now - since, 0) / RING_MS // a frame's time is that of its beginning
  context.strokeStyle = colour
  if (age < 1) {
    const alpha = context.globalAlpha
    context.globalAlpha = alpha * (1 - age)
    context.lineWidth = 3
    circle(context, x * scale, y * scale, radius + RING * age)
    context.stroke()
    context.globalAlpha = alpha
  }
  circle(context, x * scale, y * scale, radius)
  context.fillStyle = colour
  context.fill()
  context.strokeStyle = 'white'
  context.lineWidth = 2
  context.stroke()
}

function circle(context: CanvasRenderingContext2D, x: number, y: number, radius: number): void {
  context.beginPath()
  context.arc(x, y, radius, 0, 2 * Math.PI)
}

/** A line with a light edge, to be seen on dark and on bright pictures. */
function strokeBox(
  { context, scale, width, height }: Canvas,
  [left, top, right, bottom]: Box,
  colour: string,
  line: number,
): void {
  const edge = line / 2 + 1
  const x = Math.max(left * scale, edge)
  const y = Math.max(top * scale, edge)
  const boxWidth = Math.min(right * scale, width - edge) - x
  const boxHeight = Math.min(bottom * scale, height - edge) - y
  for (const [style, lineWidth] of [
    ['rgb(255 255 255 / 75%)', line + 2],
    [colour, line],
  ] as const) {
    context.strokeStyle = style
    context.lineWidth = lineWidth
    context.beginPath()
    context.roundRect(x, y, Math.max(boxWidth, 0), Math.max(boxHeight, 0), 4)
    context.stroke()
  }
}

/** Above its box, or inside where there is no room above. */
function drawLabel({ context, scale, width }: Canvas, { label, colour, box }: Mark): void {
  context.font = FONT
  const length = Math.min(context.measureText(label).width + 2 * LABEL.padding, width)
  const x = Math.min(Math.max(box[0] * scale - 1, 0), width - length)
  const above = box[1] * scale - LABEL.height - 2
  const y = above >= 0 ? above : box[1] * scale + 4
  context.fillStyle = colour
  context.beginPath()
  context.roundRect(x, y, length, LABEL.height, 5)
  context.fill()
  context.fillStyle = '#14120f'
  context.textBaseline = 'middle'
  context.fillText(label, x + LABEL.padding, y + LABEL.height / 2 + 1, width - 2 * LABEL.padding)
}

/** Everything but the thing goes dark. */
function drawMask({ context, width, height }: Canvas, mask: HTMLCanvasElement): void {
  context.imageSmoothingEnabled = true
  context.drawImage(mask, 0, 0, width, height)
}

function drawAsked(canvas: Canvas, asked: NonNullable<Scene['asked']>): void {
  if (asked.type === 'box') drawDashed(canvas, asked.box)
  else drawCross(canvas, asked.point)
}

function drawDashed({ context, scale }: Canvas, [left, top, right, bottom]: Box): void {
  context.lineWidth = 2
  for (const [style, offset] of [
    ['white', 0],
    ['black', 6],
  ] as const) {
    context.strokeStyle = style
    context.setLineDash([6, 6])
    context.lineDashOffset = offset
    context.strokeRect(left * scale, top * scale, (right - left) * scale, (bottom - top) * scale)
  }
  context.setLineDash([])
}

function drawCross({ context, scale }: Canvas, [x, y]: Point): void {
  for (const [style, line] of [
    ['rgb(0 0 0 / 70%)', 5],
    ['white', 2],
  ] as const) {
    context.strokeStyle = style
    context.lineWidth = line
    context.beginPath()
    for (const [dx, dy] of [
      [1, 0],
      [-1, 0],
      [0, 1],
      [0, -1],
    ] as const) {
      context.moveTo(x * scale + 5 * dx, y * scale + 5 * dy)
      context.lineTo(x * scale + 16 * dx, y * scale + 16 * dy)
    }
    context.stroke()
  }
}
