import { decodeMask, type Mask } from '@pixelllm/sdk'

/** Opacity of what is laid over everything else, and over the thing, of 255. */
const SHADE = 140
const TINT = 28
const EDGE = 255

/** A picture to lay over: the thing in its colour with an edge, everything else dark. */
export function pictureOf(mask: Mask, colour: string): HTMLCanvasElement {
  const [height, width] = mask.size
  const canvas = document.createElement('canvas')
  canvas.width = width
  canvas.height = height
  const context = canvas.getContext('2d')
  if (context === null) return canvas
  const pixels = decodeMask(mask)
  const [red, green, blue] = channelsOf(context, colour)
  const overlay = context.createImageData(width, height)
  for (let i = 0, at = 0; i < pixels.length; i++, at += 4) {
    if (pixels[i] === 1) {
      overlay.data[at] = red
      overlay.data[at + 1] = green
      overlay.data[at + 2] = blue
      overlay.data[at + 3] = atEdge(pixels, i, width) ? EDGE : TINT
    } else {
      overlay.data[at + 3] = SHADE
    }
  }
  context.putImageData(overlay, 0, 0)
  return canvas
}

/** Whether a pixel next to it is not set. */
function atEdge(pixels: Uint8Array, i: number, width: number): boolean {
  return !(pixels[i - 1] && pixels[i + 1] && pixels[i - width] && pixels[i + width])
}

/** What the browser makes of a colour, as red, green and blue. */
function channelsOf(context: CanvasRenderingContext2D, colour: string): [number, number, number] {
  context.fillStyle = colour
  context.fillRect(0, 0, 1, 1)
  const [red = 0, green = 0, blue = 0] = context.getImageData(0, 0, 1, 1).data
  return [red, green, blue]
}
