/**
 * The settings that set-up reads, beside those of the server in api/config.ts. docs/operations.md
 * lists both, and a test compares.
 */
export const SETUP_SETTINGS = /** @type {const} */ (['PIXELLLM_PYTHON', 'PIXELLLM_TORCH_INDEX'])

/**
 * @typedef {{ python: string | undefined, torchIndex: string | undefined }} SetupSettings
 * @param {Record<string, string | undefined>} env
 * @returns {SetupSettings} a setting that is empty counts as not set
 */
export function readSettings(env) {
  const [python, torchIndex] = SETUP_SETTINGS.map((name) => env[name]?.trim() || undefined)
  return { python, torchIndex }
}
