/** The server that this page came from. */
import { PixelLLM } from '@pixelllm/sdk'

/** Without a slash at its end. The page may lie below a path of another server. */
export const address = new URL('.', document.baseURI).href.replace(/\/$/, '')
export const server = new PixelLLM({ baseUrl: address })
