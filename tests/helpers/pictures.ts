import sharp, { type Sharp } from 'sharp'

/** A picture of one colour. */
export function picture(width = 40, height = 30): Sharp {
  return sharp({ create: { width, height, channels: 3, background: { r: 200, g: 60, b: 40 } } })
}

export async function pngBytes(width?: number, height?: number): Promise<Buffer<ArrayBuffer>> {
  return Buffer.from(await picture(width, height).png().toBuffer())
}
