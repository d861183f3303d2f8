import type { ImageSource } from './types.ts'

/** A request as a form: the image as a file or by its id, texts as they are, the rest as JSON. */
export function formOf(image: ImageSource, fields: Readonly<Record<string, unknown>>): FormData {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue
    // As text and not as a Blob: a Blob would be sent with a file name, as a file.
    form.set(name, typeof value === 'string' ? value : JSON.stringify(value))
  }
  if (image instanceof Blob) form.set('image', image, 'image')
  else if (image instanceof Uint8Array) form.set('image', new Blob([image]), 'image')
  else form.set('image_id', image.id)
  return form
}
