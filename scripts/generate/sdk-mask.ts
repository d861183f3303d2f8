/** Writes `sdk/src/decode-mask.ts`: the decoder of masks, for clients, who have no `schemas/`. */
import { readFileSync } from 'node:fs'

export function sdkMask(notice: string): string {
  const source = readFileSync('schemas/decode-mask.ts', 'utf8')
  return `/** ${notice} */\n${source.replace("'./geometry.ts'", "'./schema.ts'")}`
}
