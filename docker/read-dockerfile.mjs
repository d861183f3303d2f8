/**
 * @typedef {{ instruction: string, text: string }} Step
 * @typedef {{ name: string, from: string, steps: Step[] }} Stage
 */

/**
 * The stages of a Dockerfile, in order, with their steps.
 *
 * @param {string} dockerfile
 * @returns {Stage[]}
 */
export function readStages(dockerfile) {
  /** @type {Stage[]} */
  const stages = []
  for (const { instruction, text } of readSteps(dockerfile)) {
    if (instruction === 'FROM') {
      const [from = '', , name = ''] = text.split(/\s+/)
      stages.push({ name, from, steps: [] })
    } else {
      stages.at(-1)?.steps.push({ instruction, text })
    }
  }
  return stages
}

/**
 * A command as it is written: a list of words in JSON, or a line for the shell.
 *
 * @param {string} text
 * @returns {string[]}
 */
export function readWords(text) {
  const line = text.trim()
  return line.startsWith('[') ? JSON.parse(line) : ['sh', '-c', line]
}

/**
 * @param {string} dockerfile
 * @returns {Step[]}
 */
function readSteps(dockerfile) {
  const lines = dockerfile.split('\n').filter((line) => !line.startsWith('#') && line.trim() !== '')
  return lines
    .join('\n')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .map((line) => {
      const [instruction = '', ...words] = line.split(' ')
      return { instruction, text: words.join(' ') }
    })
}
