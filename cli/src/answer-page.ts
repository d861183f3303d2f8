import { type Answer, decodeMask, type Place, placesOf } from '@pixelllm/sdk'
import { encodePng } from './png.ts'

const COLOURS = ['#e6194b', '#1f77b4', '#2ca02c', '#9467bd', '#ff7f0e', '#17becf', '#8c564b']

/** A page of its own, which needs no network: the picture, and on it what the answer places. */
export function pageOf(picture: Buffer, answer: Answer): string {
  const places = placesOf(answer)
  const { width, height } = answer.image
  const title = escapeHtml('caption' in answer ? answer.caption : places.map(labelOf).join('; '))
  const source = `data:${typeOf(picture)};base64,${picture.toString('base64')}`
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${title}</title>
<style>
  body { font: 16px sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem }
  figure { margin: 0; position: relative }
  img { display: block; width: 100% }
  svg, .mask { height: 100%; left: 0; position: absolute; top: 0; width: 100% }
  .mask { mask-mode: luminance; mask-size: 100% 100%; opacity: 0.5 }
  rect { fill: transparent; stroke-width: 2; vector-effect: non-scaling-stroke }
  rect:hover { fill: #fff6 }
</style>
<h1>${title}</h1>
<figure>
  <img src="${source}" alt="${title}">
  ${places.map(drawMask).join('')}
  <svg viewBox="0 0 ${width} ${height}">${places.map(drawBox).join('')}</svg>
</figure>
<ul>${places.map(drawLabel).join('')}</ul>
</html>
`
}

function drawBox({ label, box: [xMin, yMin, xMax, yMax] }: Place, index: number): string {
  const size = `x="${xMin}" y="${yMin}" width="${xMax - xMin}" height="${yMax - yMin}"`
  return `<rect ${size} stroke="${colourOf(index)}"><title>${escapeHtml(label)}</title></rect>`
}

function drawMask({ mask }: Place, index: number): string {
  if (mask === undefined) return ''
  const [height, width] = mask.size
  const png = encodePng(decodeMask(mask), width, height).toString('base64')
  const url = `url(data:image/png;base64,${png})`
  return `<div class="mask" style="background: ${colourOf(index)}; mask-image: ${url}"></div>`
}

function drawLabel({ label, score }: Place, index: number): string {
  return `<li style="color: ${colourOf(index)}">${escapeHtml(label)} (${score.toFixed(2)})</li>`
}

/** By the first byte, in which the formats that the server takes differ. */
function typeOf(picture: Buffer): string {
  if (picture[0] === 0x89) return 'image/png'
  return picture[0] === 0xff ? 'image/jpeg' : 'image/webp'
}

function labelOf({ label }: Place): string {
  return label
}

function colourOf(index: number): string {
  return COLOURS[index % COLOURS.length] ?? 'red'
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
