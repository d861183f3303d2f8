import type { LightMyRequestResponse } from 'fastify'
import { injected } from './forms.ts'
import type { Gateway } from './gateway.ts'

export async function postForm(
  { app }: Gateway,
  url: string,
  form: FormData,
  headers: Record<string, string> = {},
): Promise<LightMyRequestResponse> {
  const sent = await injected(form)
  return app.inject({
    method: 'POST',
    url,
    payload: sent.payload,
    headers: { ...sent.headers, ...headers },
  })
}

/** Posts JSON; a text is sent as it is, so that it can be what no object becomes. */
export async function postJson(
  { app }: Gateway,
  url: string,
  payload: object | string,
): Promise<LightMyRequestResponse> {
  return app.inject({
    method: 'POST',
    url,
    payload,
    headers: { 'content-type': 'application/json' },
  })
}
