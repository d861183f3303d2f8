import { defaultClientConditions, defineConfig } from 'vite'

export default defineConfig({
  // Relative addresses: the server may stand below a path of another one.
  base: './',
  // The client's sources in place of what is built of them.
  resolve: { conditions: ['@pixelllm/source', ...defaultClientConditions] },
  build: {
    outDir: '../dist/playground',
    assetsDir: 'playground',
    emptyOutDir: true,
    target: 'es2022',
    // The page's policy allows scripts and styles as files alone.
    assetsInlineLimit: 0,
    modulePreload: false,
    reportCompressedSize: false,
  },
})
