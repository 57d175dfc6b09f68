import type { Log } from './log.ts'

/** An output of lines; a terminal may show colours. */
export interface Console {
  write(text: string): unknown
  readonly isTTY?: boolean
  /** Of a terminal, in characters. */
  readonly columns?: number
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
  const write = (level: keyof typeof COLOURS, message: string): void => {
    const time = new Date().toTimeString().slice(0, 8)
    const rest = `${name}: ${oneLine(message)}`
    const label = level.padEnd(5)
    out.write(
      coloured
        ? `${DIM}${time}${PLAIN} ${COLOURS[level]}${label} ${rest}${PLAIN}\n`
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

/** The message on one line without control characters, because it may quote foreign text. */
function oneLine(message: string): string {
  return message.replaceAll(/\s*\n\s*/g, ' | ').replaceAll(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '\u{fffd}')
}
