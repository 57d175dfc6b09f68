import { type Logger, pino, stdTimeFunctions } from 'pino'
import type { Console } from './console-log.ts'
import type { Log } from './log.ts'

/**
 * A JSON log: one line a call, with `level`, `time` (ISO 8601, UTC), `controller`, `name`, the fields of the
 * call, and `msg`.
 */
export function createJsonLog(out: Console, controller: string, name = 'host'): Log {
  const root = pino(
    {
      base: { controller },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: level => ({ level }) },
    },
    { write: line => out.write(line) },
  )
  return named(root, name)
}

function named(root: Logger, name: string): Log {
  // Always a child of the root, because pino would print the name of a grandchild twice.
  const lines = root.child({ name })
  return {
    info: (message, fields = {}) => lines.info(fields, clean(message)),
    warn: (message, fields = {}) => lines.warn(fields, clean(message)),
    error: (message, fields = {}) => lines.error(fields, clean(message)),
    child: child => named(root, child),
  }
}

/**
 * The message without the control characters that JSON does not escape, because it may quote foreign text.
 */
function clean(message: string): string {
  return message.replaceAll(/[\x7f-\x9f]/g, '\u{fffd}')
}
