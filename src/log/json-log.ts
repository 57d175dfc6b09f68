import { type Logger, pino, stdTimeFunctions } from 'pino'
import type { Console } from './console-log.ts'
import type { Log } from './log.ts'

/** A JSON log: one line a call, with `level`, `time` (ISO 8601, UTC), `controller`, `name`, the fields of the call, and `msg`. */
export function createJsonLog(out: Console, controller: string, name = 'host'): Log {
  const root = pino(
    { base: { controller }, timestamp: stdTimeFunctions.isoTime, formatters: { level: level => ({ level }) } },
    { write: line => out.write(line) },
  )
  return named(root, name)
}

function named(root: Logger, name: string): Log {
  // Always of the root: of a child of a child pino would write the name twice.
  const lines = root.child({ name })
  return {
    info: (message, fields = {}) => lines.info(fields, clean(message)),
    warn: (message, fields = {}) => lines.warn(fields, clean(message)),
    error: (message, fields = {}) => lines.error(fields, clean(message)),
    child: child => named(root, child),
  }
}

/** Messages may quote what others wrote. JSON escapes most control characters, and whoever prints a log must not be steered by the others. */
function clean(message: string): string {
  return message.replaceAll(/[\x7f-\x9f]/g, '\u{fffd}')
}
