const TICK_MS = 1000

/**
 * Tells a person what set-up does: one line per step, with the time it took.
 *
 * On a terminal the line of the running step moves, so that a long download does not look like a
 * hang. Elsewhere it is written in two halves, so that a log shows which step is running.
 *
 * @param {Pick<NodeJS.WriteStream, 'write' | 'isTTY' | 'columns'>} out
 */
export function progressTo(out) {
  let announced = false

  return {
    /** @param {string} title of the step that begins */
    begin(title) {
      if (!announced) out.write('Setting up PixelLLM Server (the whole output: .setup/setup.log)\n')
      announced = true
      const begun = Date.now()
      let detail = ''
      const draw = () =>
        out.write(`\r\x1b[K${fit(`  ${title} … ${seconds(begun)} ${detail}`, out.columns)}`)
      if (out.isTTY) draw()
      else out.write(`  ${title} …`)
      const timer = out.isTTY ? setInterval(draw, TICK_MS) : undefined
      /** @param {string} word */
      const end = (word) => {
        clearInterval(timer)
        out.write(out.isTTY ? `\r\x1b[K  ${title} … ${word}\n` : ` ${word}\n`)
      }

      return {
        /** @param {string} line of the tool at work */
        detail(line) {
          detail = line
        },
        done: () => end(seconds(begun)),
        broken: (/** @type {'failed' | 'stopped'} */ how) => end(`${how} after ${seconds(begun)}`),
      }
    },

    /** @param {string} line */
    say(line) {
      out.write(`${line}\n`)
    },
  }
}

/** @typedef {ReturnType<typeof progressTo>} Progress */

/** @param {number} since in ms */
function seconds(since) {
  return `${((Date.now() - since) / 1000).toFixed(1)} s`
}

/**
 * @param {string} line
 * @param {number | undefined} columns
 */
function fit(line, columns) {
  const width = columns || 80 // some terminals say 0
  return line.length < width ? line : `${line.slice(0, width - 2)}…`
}
