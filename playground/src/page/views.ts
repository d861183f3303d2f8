/** The two views of the page, named by the hash of its address. */
import { find, show } from './elements.ts'

const names = ['ask', 'train']

export function startViews(onShow: (name: string) => void): void {
  const open = (): void => {
    const wanted = location.hash.slice(1)
    const name = names.includes(wanted) ? wanted : 'ask'
    for (const other of names) {
      show(other === name, find(`#view-${other}`, HTMLElement))
      const link = find(`nav a[href="#${other}"]`, HTMLAnchorElement)
      if (other === name) link.setAttribute('aria-current', 'page')
      else link.removeAttribute('aria-current')
    }
    onShow(name)
  }
  addEventListener('hashchange', open)
  open()
}
