/**
 * Chooses the media type that an `Accept` header likes best, as RFC 9110 reads it; where it likes
 * several as much, the one that it names most exactly, then the one that is offered first.
 * Undefined where it takes none.
 */
export function negotiate<Offer extends string>(
  accept: string | undefined,
  offers: readonly Offer[],
): Offer | undefined {
  if (accept === undefined || accept.trim() === '') return offers[0]
  const ranges = accept.split(',').map(readRange)
  const ranked = offers
    .map((offer) => ({ offer, ...matchOf(offer, ranges) }))
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality || b.exactness - a.exactness)
  return ranked[0]?.offer
}

interface Range {
  readonly type: string
  readonly quality: number
}

function readRange(text: string): Range {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase())
  const quality = parameters.find((parameter) => parameter.startsWith('q='))
  return { type, quality: quality === undefined ? 1 : Number(quality.slice(2)) || 0 }
}

function matchOf(offer: string, ranges: readonly Range[]): { quality: number; exactness: number } {
  const [family = ''] = offer.split('/')
  const exactness = ['*/*', `${family}/*`, offer]
  const best = ranges
    .map(({ type, quality }) => ({ quality, exactness: exactness.indexOf(type) }))
    .sort((a, b) => b.exactness - a.exactness)[0]
  return best === undefined || best.exactness < 0 ? { quality: 0, exactness: -1 } : best
}
