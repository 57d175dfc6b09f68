import { type Logger, pino, stdTimeFunctions } from 'pino'
import { escapeControls } from '../../model/control-characters.ts'
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
    // JSON escapes only C0; a raw C1 or bidirectional control would drive the terminal of a reader.
    { write: line => out.write(escapeControls(line)) },
  )
  return named(root, name)
}

function named(root: Logger, name: string): Log {
  // Always a child of the root, because pino would print the name of a grandchild twice.
  const lines = root.child({ name })
  return {
    info: (message, fields = {}) => lines.info(fields, message),
    warn: (message, fields = {}) => lines.warn(fields, message),
    error: (message, fields = {}) => lines.error(fields, message),
    child: child => named(root, child),
  }
}
