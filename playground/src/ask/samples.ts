/** The pictures of `samples/`, as buttons. */
import { find, make } from '../page/elements.ts'

const addresses = import.meta.glob<string>('../../../samples/*.png', {
  eager: true,
  import: 'default',
  query: '?url',
})

export function showSamples(onChoose: (picture: Promise<Blob>) => void): void {
  const list = find('#samples', HTMLElement)
  for (const [path, address] of Object.entries(addresses)) {
    const name = path.split('/').at(-1)?.replace('.png', '') ?? ''
    const image = make('img', { src: address, alt: '', loading: 'lazy' })
    const button = make(
      'button',
      { type: 'button', class: 'sample', 'aria-label': `Sample: ${name}`, title: name },
      image,
    )
    button.addEventListener('click', () => onChoose(load(address)))
    list.append(make('li', {}, button))
  }
}

async function load(address: string): Promise<Blob> {
  const reply = await fetch(address)
  if (!reply.ok) throw new Error(`the sample is not there: status ${reply.status}`)
  return reply.blob()
}
