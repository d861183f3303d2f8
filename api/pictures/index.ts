/** The pictures that tasks answer with. */
export { drawAnnotatedPng, drawAnnotatedSvg, type Subject } from './draw-annotated.ts'
export { drawMask } from './draw-mask.ts'
