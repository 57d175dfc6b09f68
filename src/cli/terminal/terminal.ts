import type { Console } from '../../log/console-log.ts'
import type { CliContext } from './cli-context.ts'

const STYLES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const

export type Style = keyof typeof STYLES

/** The output of a command: styles on a terminal, and the maximum width of a line (undefined: unlimited). */
export interface Terminal {
  readonly width: number | undefined
  /** The text in a style on a terminal; the plain text with NO_COLOR or elsewhere. */
  style(style: Style, text: string): string
}

/** The properties of an output. */
export function createTerminal(out: Console, env: CliContext['env']): Terminal {
  const isTerminal = out.isTTY === true
  const isColoured = isTerminal && !env.NO_COLOR && env.TERM !== 'dumb'
  return {
    width: isTerminal ? (out.columns ?? 80) : undefined,
    style: (style, text) => (isColoured && text !== '' ? `\x1b[${STYLES[style]}m${text}\x1b[0m` : text),
  }
}

/** A foreign text on one line, without control characters for a terminal. */
export function sanitize(text: string): string {
  return text
    .replaceAll(/\s*[\r\n]+\s*/g, ' ')
    .replaceAll(/[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '\u{fffd}')
}
