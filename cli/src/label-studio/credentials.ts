import { createHash, timingSafeEqual } from 'node:crypto'

/** The user and the password that the settings of a backend in Label Studio can have. */
export interface Credentials {
  readonly user: string
  readonly password: string
}

/** Whether a header `Authorization` has them. */
export function isAuthorized(header: string | undefined, credentials: Credentials): boolean {
  const [, encoded = ''] = /^Basic ([\w+/=]+)$/i.exec(header ?? '') ?? []
  const given = Buffer.from(encoded, 'base64')
  return isSame(given, `${credentials.user}:${credentials.password}`)
}

/** In a time that says nothing about where they differ. */
function isSame(one: string | Buffer, other: string | Buffer): boolean {
  return timingSafeEqual(digestOf(one), digestOf(other))
}

function digestOf(text: string | Buffer): Buffer {
  return createHash('sha256').update(text).digest()
}
