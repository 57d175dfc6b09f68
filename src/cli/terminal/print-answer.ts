import { printJson } from '../../../model/json.ts'
import { type Json, toJson } from '../../../model/value.ts'
import type { CliContext } from './cli-context.ts'

/** Prints the result of a command: as one JSON document with `--json`, else as text. */
export function printAnswer(
  json: boolean | undefined,
  answer: unknown,
  toText: () => string,
  { stdout }: CliContext,
): void {
  stdout.write(json ? `${printJson(toJson(answer), 2)}\n` : toText())
}

/**
 * A value on one line as JSON, so that a string, a number and an exact integer look different; a dash if
 * undefined.
 */
export function show(value: Json | undefined): string {
  return value === undefined ? '-' : printJson(value)
}

/** A time in the local time zone, to the second; a dash if undefined. */
export function showTime(iso: string | null | undefined): string {
  const at = new Date(iso ?? Number.NaN)
  if (Number.isNaN(at.getTime())) return '-'
  const two = (count: number): string => String(count).padStart(2, '0')
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
}
