import { escapeControls } from '../../model/control-characters.ts'
import type { Log } from './log.ts'

/** An output of lines; a terminal may show colours. */
export interface Console {
  write(text: string): unknown
  readonly isTTY?: boolean
  /** Of a terminal, in characters. */
  readonly columns?: number
  /** Marks a control sequence as one of this process, so that a guarded output does not escape it. */
  own?(sequence: string): string
}

/** A control sequence of this process for an output, such as a colour. */
export function ownSequence(out: Console, sequence: string): string {
  return out.own?.(sequence) ?? sequence
}

const COLOURS = { INFO: '', WARN: '\x1b[33m', ERROR: '\x1b[31m' }
const DIM = '\x1b[2m'
const PLAIN = '\x1b[0m'

/**
 * A text log: `HH:MM:SS LEVEL name: message`, local time, one line a call, without fields; coloured on a
 * terminal unless `NO_COLOR` is set.
 */
export function createConsoleLog(
  out: Console,
  name = 'host',
  env: Readonly<Record<string, string | undefined>> = process.env,
): Log {
  const coloured = out.isTTY === true && !env.NO_COLOR
  const style = (sequence: string) => ownSequence(out, sequence)
  const write = (level: keyof typeof COLOURS, message: string): void => {
    const time = new Date().toTimeString().slice(0, 8)
    const rest = `${name}: ${oneLine(message)}`
    const label = level.padEnd(5)
    out.write(
      coloured
        ? `${style(DIM)}${time}${style(PLAIN)} ${style(COLOURS[level])}${label} ${rest}${style(PLAIN)}\n`
        : `${time} ${label} ${rest}\n`,
    )
  }
  return {
    info: message => write('INFO', message),
    warn: message => write('WARN', message),
    error: message => write('ERROR', message),
    child: child => createConsoleLog(out, child, env),
  }
}

/** The message on one line with its control characters escaped, because it may quote foreign text. */
function oneLine(message: string): string {
  return escapeControls(message.replaceAll(/\s*\n\s*/g, ' | '))
}
