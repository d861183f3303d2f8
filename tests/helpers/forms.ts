/** A form with an image and other parts, as `app.inject` and `fetch` send it. */
export function formWith(
  image: Uint8Array<ArrayBuffer> | undefined,
  fields: Readonly<Record<string, string>> = {},
): FormData {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) form.append(name, value)
  if (image !== undefined) form.append('image', new Blob([image]), 'picture.png')
  return form
}

/** What `app.inject` takes for a form. */
export async function injected(
  form: FormData,
): Promise<{ payload: Buffer; headers: Record<string, string> }> {
  const response = new Response(form)
  const payload = Buffer.from(await response.arrayBuffer())
  return { payload, headers: { 'content-type': response.headers.get('content-type') ?? '' } }
}
