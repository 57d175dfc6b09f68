import { escapeControls } from '../../../model/control-characters.ts'
import { type Console, ownSequence } from '../../log/console-log.ts'
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
    style: (style, text) =>
      isColoured && text !== ''
        ? `${ownSequence(out, `\x1b[${STYLES[style]}m`)}${text}${ownSequence(out, '\x1b[0m')}`
        : text,
  }
}

/** A foreign text on one line, with its control characters escaped. */
export function sanitize(text: string): string {
  return escapeControls(text.replaceAll(/\s*[\r\n]+\s*/g, ' ').replaceAll('\t', ' '))
}
