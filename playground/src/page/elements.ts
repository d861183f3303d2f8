/** The one element that matches, of the type that the page has it as. */
export function find<Kind extends Element>(selector: string, kind: new () => Kind): Kind {
  const element = document.querySelector(selector)
  if (element instanceof kind) return element
  throw new TypeError(`the page has no ${kind.name} at ${selector}`)
}

type Attributes = Readonly<Record<string, string | boolean | undefined>>

/** A new element. Attributes that are false or undefined are left out; texts are never HTML. */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue
    element.setAttribute(name, value === true ? '' : value)
  }
  element.append(...children)
  return element
}

/** Shows the elements or hides them, to everybody. */
export function show(isShown: boolean, ...elements: readonly HTMLElement[]): void {
  for (const element of elements) element.hidden = !isShown
}
