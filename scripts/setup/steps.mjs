import { build, commandLine, npmPackages, playground } from './node-steps.mjs'
import {
  pixelllmPackage,
  pythonDevTools,
  pythonPackages,
  virtualEnvironment,
} from './python-steps.mjs'

/**
 * What the steps work with.
 *
 * @typedef {object} Ground
 * @property {import('./places.mjs').Places} places
 * @property {import('./settings.mjs').SetupSettings} settings
 * @property {NodeJS.ProcessEnv} env
 */

/**
 * Runs a tool in the root folder: its name for a person, the program with its arguments, its environment
 * where that differs, and a line that means failure whatever the exit code.
 *
 * @typedef {(name: string, command: string[], options?: { env?: NodeJS.ProcessEnv, failure?: RegExp }) => Promise<void>} Run
 */

/**
 * One part of set-up. `isDone` only looks, and is quick; `work` may be repeated, also after it was
 * interrupted at any point.
 *
 * @typedef {{ title: string, isDone: () => boolean, work: (run: Run) => Promise<void> }} Step
 */

/**
 * @param {Ground} ground
 * @param {{ withDevTools: boolean }} options
 * @returns {Step[]} in the order in which they must be done
 */
export function stepsOf(ground, { withDevTools }) {
  return [
    npmPackages(ground),
    virtualEnvironment(ground),
    pythonPackages(ground),
    ...(withDevTools ? [pythonDevTools(ground)] : []),
    pixelllmPackage(ground),
    build(ground),
    playground(ground),
    commandLine(ground),
  ]
}
