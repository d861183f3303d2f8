/** The image of a task cannot be had; the message says why, without keys and without its query. */
export class ImageError extends Error {
  override readonly name = 'ImageError'
}
