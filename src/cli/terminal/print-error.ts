import { toSettingsError } from '../../../model/errors.ts'
import type { Console } from '../../log/console-log.ts'

/** Prints a message of this program; its further lines are indented, so that no name forges a message. */
export function printMessage(out: Console, message: string): void {
  out.write(`kytos-settings: ${indent(message)}\n`)
}

/** Prints an error as one message, with all its causes if `debug`, and returns its exit code. */
export function printError(error: unknown, out: Console, debug: boolean): number {
  const { message, exit, code } = toSettingsError(error)
  printMessage(out, message)
  if (debug) {
    out.write(`code ${code}, exit ${exit}\n`)
    for (const cause of causesOf(error))
      out.write(`${indent(cause instanceof Error ? (cause.stack ?? cause.message) : String(cause))}\n`)
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

/** The text with its further lines indented. */
function indent(text: string): string {
  return text.replaceAll(/\r?\n(?! {2})/g, '\n  ')
}
