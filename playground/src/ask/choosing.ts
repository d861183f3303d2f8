/** The ways to give the page a picture of one's own. */
import { find } from '../page/elements.ts'

export function startChoosing(isActive: () => boolean, onChoose: (picture: Blob) => void): void {
  const input = find('#picture-file', HTMLInputElement)
  input.addEventListener('change', () => {
    const [file] = input.files ?? []
    input.value = '' // the same file may be chosen again
    if (file !== undefined) onChoose(file)
  })

  document.addEventListener('paste', ({ clipboardData }) => {
    const [file] = clipboardData?.files ?? []
    if (isActive() && file !== undefined) onChoose(file)
  })

  const { classList } = document.body
  document.addEventListener('dragover', (event) => {
    event.preventDefault() // else the browser leaves the page to open the file
    if (isActive()) classList.add('dragging')
  })
  document.addEventListener('dragleave', ({ relatedTarget }) => {
    if (relatedTarget === null) classList.remove('dragging')
  })
  document.addEventListener('drop', (event) => {
    event.preventDefault()
    classList.remove('dragging')
    const [file] = event.dataTransfer?.files ?? []
    if (isActive() && file !== undefined) onChoose(file)
  })
}
