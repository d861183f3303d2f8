/**
 * Makes many buttons one stop of the Tab key; the arrow keys go from one to the next. Buttons may be
 * added later.
 */
export function rove(container: HTMLElement, selector: string): void {
  const buttons = (): HTMLElement[] => Array.from(container.querySelectorAll<HTMLElement>(selector))
  const goTo = (button: HTMLElement | undefined): void => {
    if (button === undefined) return
    for (const other of buttons()) other.tabIndex = other === button ? 0 : -1
    button.focus()
  }
  container.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const all = buttons()
    const at = all.findIndex((button) => button.matches(':focus'))
    const next = nextIndex(event.key, at, all.length)
    if (at < 0 || next === undefined) return
    event.preventDefault()
    goTo(all[next])
  })
}

function nextIndex(key: string, at: number, length: number): number | undefined {
  switch (key) {
    case 'ArrowRight':
    case 'ArrowDown':
      return (at + 1) % length
    case 'ArrowLeft':
    case 'ArrowUp':
      return (at + length - 1) % length
    case 'Home':
      return 0
    case 'End':
      return length - 1
    default:
      return undefined
  }
}
