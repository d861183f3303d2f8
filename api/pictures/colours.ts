/** The colours of Okabe and Ito (2008), which colour-blind people tell apart too, but for black. */
const SERIES = [
  '#E69F00',
  '#56B4E9',
  '#009E73',
  '#F0E442',
  '#0072B2',
  '#D55E00',
  '#CC79A7',
] as const

/** Of what belongs to nothing else that is shown. */
export const NEUTRAL = '#BBBBBB'
/** Text and its ground, on the picture and below it. */
export const INK = '#111111'
export const PAPER = '#FFFFFF'

export function colourOf(index: number): string {
  return SERIES[index % SERIES.length] ?? NEUTRAL
}

/** Red, green and blue of a colour, from 0 to 255. */
export function channelsOf(colour: string): [red: number, green: number, blue: number] {
  const value = Number.parseInt(colour.slice(1), 16)
  return [value >> 16, (value >> 8) & 255, value & 255]
}
