import type { Console } from '../../log/console-log.ts'
import type { World } from './world.ts'

const STYLES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const

export type Style = keyof typeof STYLES

/** What a command prints on: colours where they are seen, and how wide a line may be (undefined: as wide as it is). */
export interface Paper {
  readonly width: number | undefined
  /** The text in a style, on a terminal; with NO_COLOR, and anywhere else, the text. */
  paint(style: Style, text: string): string
}

/** The paper that an output is. */
export function createPaper(out: Console, env: World['env']): Paper {
  const isTerminal = out.isTTY === true
  const isColoured = isTerminal && !env.NO_COLOR && env.TERM !== 'dumb'
  return {
    width: isTerminal ? (out.columns ?? 80) : undefined,
    paint: (style, text) => (isColoured && text !== '' ? `\x1b[${STYLES[style]}m${text}\x1b[0m` : text),
  }
}

/** A text that others wrote, on one line and without what would steer a terminal. */
export function harmless(text: string): string {
  return text.replaceAll(/\s*[\r\n]+\s*/g, ' ').replaceAll(/[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '\u{fffd}')
}
