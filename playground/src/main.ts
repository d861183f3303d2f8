import '../styles/page.css'
import '../styles/ask.css'
import '../styles/train.css'
import { AskView } from './ask/ask-view.ts'
import { startTheme } from './page/theme.ts'
import { startViews } from './page/views.ts'

let view = 'ask'
startTheme()
const ask = new AskView(() => view === 'ask')
startViews((name) => {
  view = name
})
void ask.models.refresh()
