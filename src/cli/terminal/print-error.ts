import { toSettingsError } from '../../../model/errors.ts'
import type { Console } from '../../log/console-log.ts'

/** Prints an error as one message, with all its causes if `debug`, and returns its exit code. */
export function printError(error: unknown, out: Console, debug: boolean): number {
  const { message, exit, code } = toSettingsError(error)
  out.write(`kytos-settings: ${message}\n`)
  if (debug) {
    out.write(`code ${code}, exit ${exit}\n`)
    for (const cause of causesOf(error))
      out.write(`${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}\n`)
  }
  return exit
}

function causesOf(error: unknown): unknown[] {
  const links: unknown[] = []
  for (
    let at = error;
    at !== undefined && !links.includes(at);
    at = at instanceof Error ? at.cause : undefined
  )
    links.push(at)
  return links
}
