import type { Settings } from '../../../events/nouns.ts'
import { printJson } from '../../../model/json.ts'
import { equalJson, type Json, toJson } from '../../../model/value.ts'
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

/** The name of the controller that sees a scope, for sentences. */
export function controllerOf(scope: string): string {
  return scope.startsWith('controller:')
    ? `the controller ${scope.slice('controller:'.length)}`
    : 'this controller'
}

/** The remarks on settings of another controller; none for those of the controller that answers. */
export function scopeRemarks({ assumed, warnings = [] }: Settings, scope: string): readonly string[] {
  if (!assumed) return warnings
  const remark = `Values of ${controllerOf(scope)} as far as they are stored: its environment variables are not known here.`
  return [remark, ...warnings]
}

/** The rejected values that a remark names each; the others are counted. */
const MAX_REMARKS = 5

/** The remarks on rejected values: those that are ignored, and rules that are broken although all count. */
export function rejectedRemarks({
  rejected = [],
  more = 0,
}: Pick<Settings, 'rejected' | 'more'>): readonly string[] {
  const named = rejected.slice(0, MAX_REMARKS)
  const rest = rejected.length - named.length + more
  return [
    ...named.map(one => {
      const isIgnored = !equalJson(one.stored, one.counts)
      const what = isIgnored ? 'Ignored a stored value' : 'The values count, but not as the schema requires'
      return `${what} (${one.scope}): ${one.message}`
    }),
    ...(rest > 0 ? [`${rest} more rejected values; --json lists up to 100.`] : []),
  ]
}
