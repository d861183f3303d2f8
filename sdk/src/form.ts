import type { FileSource, ImageSource } from './types.ts'

/** A request as a form: the image as a file or by its id, texts as they are, the rest as JSON. */
export function imageForm(
  image: ImageSource,
  fields: Readonly<Record<string, unknown>> = {},
): FormData {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue
    // As text and not as a Blob: a Blob would be sent with a file name, as a file.
    form.set(name, typeof value === 'string' ? value : JSON.stringify(value))
  }
  if (isFile(image)) form.set('image', blobOf(image), 'image')
  else form.set('image_id', idOf(image))
  return form
}

/** Callers without types pass paths and addresses, too. */
function idOf(image: Exclude<ImageSource, FileSource>): string {
  const id = typeof image === 'string' ? image : image.id
  if (typeof id === 'string' && id.startsWith('img_')) return id
  throw new TypeError(
    'an image is a Blob, a Uint8Array or the id of a stored one; openFile of @pixelllm/sdk/node makes a Blob of a path',
  )
}

function isFile(image: ImageSource): image is FileSource {
  return image instanceof Blob || image instanceof Uint8Array
}

export function blobOf(file: FileSource): Blob {
  return file instanceof Blob ? file : new Blob([new Uint8Array(file)])
}
