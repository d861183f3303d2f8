import { randomBytes } from 'node:crypto'
import { TrainingJobId } from '../../schemas/index.ts'

/** Crockford's: without the letters that look like digits. */
const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz'
const LENGTH = 26
const RANDOM_BITS = 80n

let last = 0n

/** A new id: the time in milliseconds and a random number, later ones later in the alphabet. */
export function newJobId(now_ms = Date.now()): TrainingJobId {
  const random = BigInt(`0x${randomBytes(Number(RANDOM_BITS) / 8).toString('hex')}`)
  const wanted = (BigInt(now_ms) << RANDOM_BITS) | random
  last = wanted > last ? wanted : last + 1n
  return TrainingJobId.parse(`job_${spell(last)}`)
}

function spell(value: bigint): string {
  let text = ''
  for (let rest = value; text.length < LENGTH; rest >>= 5n) {
    text = DIGITS.charAt(Number(rest & 31n)) + text
  }
  return text
}
