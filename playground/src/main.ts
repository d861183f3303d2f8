import '../styles/page.css'
import '../styles/ask.css'
import '../styles/train.css'
import { AskView } from './ask/ask-view.ts'
import { startTheme } from './page/theme.ts'
import { startViews } from './page/views.ts'
import { TrainView } from './train/train-view.ts'

let view = 'ask'
startTheme()
const ask = new AskView(() => view === 'ask')
const train = new TrainView(ask.models)
startViews((name) => {
  view = name
  if (name === 'train') void train.open()
})
void ask.models.refresh()
