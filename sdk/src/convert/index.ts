export { type CocoAnnotation, type CocoOptions, toCoco, toCocoBox } from './coco.ts'
export { toGeminiBox, toGeminiPoint } from './gemini.ts'
export {
  type LabelStudioOptions,
  type LabelStudioPrediction,
  type LabelStudioResult,
  type LabelStudioType,
  toLabelStudio,
} from './label-studio.ts'
export { toLabelStudioRle } from './label-studio-mask.ts'
export {
  type LabelStudioBox,
  type LabelStudioPoint,
  toLabelStudioBox,
  toLabelStudioPoint,
} from './label-studio-shapes.ts'
export { toMolmoPoint, toMolmoText } from './molmo.ts'
export { toPaliGemmaBox } from './paligemma.ts'
export { type Answer, type Place, placesOf } from './places.ts'
export {
  type Qwen25Limits,
  toQwen25Box,
  toQwen25Frame,
  toQwen25Point,
  toQwenBox,
  toQwenPoint,
} from './qwen.ts'
