/** The picture of the README: a scene, and on it its caption as the server draws it. */
import { readFile, writeFile } from 'node:fs/promises'
import sharp from 'sharp'

const SCENE = 'samples/harbour.png'
const PICTURE = 'docs/caption.png'

/** Asks the server at `address` for it. */
export async function drawCaption(address: string): Promise<void> {
  const form = new FormData()
  form.append('image', new Blob([await readFile(SCENE)]), SCENE)
  form.append('ground', 'box')
  const headers = { accept: 'image/png' }
  const reply = await fetch(`${address}/v1/caption`, { method: 'POST', headers, body: form })
  if (!reply.ok) throw new Error(`there is no picture: ${await reply.text()}`)
  const picture = sharp(await reply.arrayBuffer())
  await writeFile(PICTURE, await picture.png({ palette: true }).toBuffer())
}
