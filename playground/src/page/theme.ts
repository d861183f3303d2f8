/** The button that chooses between the system's theme, light and dark. */
import { find } from './elements.ts'

const KEY = 'pixelllm-theme'
const THEMES = ['automatic', 'light', 'dark']

export function startTheme(): void {
  const button = find('#theme', HTMLButtonElement)
  let theme = remembered()
  apply(theme, button)
  button.addEventListener('click', () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'automatic'
    remember(theme)
    apply(theme, button)
  })
}

function apply(theme: string, button: HTMLButtonElement): void {
  document.documentElement.dataset.theme = theme
  button.setAttribute('aria-label', `Theme: ${theme}`)
  button.title = `Theme: ${theme}`
}

/** Storage may be forbidden; then the choice lasts as long as the page. */
function remembered(): string {
  try {
    const theme = localStorage.getItem(KEY) ?? ''
    return THEMES.includes(theme) ? theme : 'automatic'
  } catch {
    return 'automatic'
  }
}

function remember(theme: string): void {
  try {
    localStorage.setItem(KEY, theme)
  } catch {
    // It is only forgotten.
  }
}
