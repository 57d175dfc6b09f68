import { randomUUID } from 'node:crypto'
import { escapeControls } from '../../model/control-characters.ts'
import type { Console } from './console-log.ts'

/**
 * An output through which text of other callers reaches a terminal or a file: names, values, comments and
 * messages.
 *
 * Invariant: no control character is written but tab, newline, and the sequences of {@link Console.own}. All
 * output of the process passes here, so a printer that forgets to escape a name cannot drive a terminal. A
 * sequence of this process is recognised by a random mark, which no stored text can contain.
 */
export function guardConsole(out: Console): Console {
  const mark = randomUUID()
  return {
    get isTTY() {
      return out.isTTY === true
    },
    get columns() {
      return out.columns ?? 80
    },
    own: sequence => `${mark}${sequence}${mark}`,
    write: text =>
      out.write(
        text
          .split(mark)
          .map((piece, i) => (i % 2 === 1 ? piece : escapeControls(piece)))
          .join(''),
      ),
  }
}
