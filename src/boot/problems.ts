import { SettingsError } from '../../model/errors.ts'

/**
 * A problem in a file, for the operator: the cause, the allowed values, the remedy. The line counts from 1,
 * and is undefined for a problem without a line.
 */
export interface ConfigProblem {
  readonly line?: number
  readonly message: string
}

/**
 * One CONFIG_INVALID with all problems (at least one), in the order of their lines, each as `file:line: ...`.
 */
export function configInvalid(
  source: string,
  problems: readonly ConfigProblem[],
  cause?: unknown,
): SettingsError {
  const sorted = [...problems].sort(
    (a, b) => (a.line ?? Number.POSITIVE_INFINITY) - (b.line ?? Number.POSITIVE_INFINITY),
  )
  const lines = sorted.map(({ line, message }) =>
    line === undefined ? `${source}: ${message}` : `${source}:${line}: ${message}`,
  )
  const message =
    lines.length === 1 ? lines.join() : `${source}: ${lines.length} problems:\n  ${lines.join('\n  ')}`
  const details = { source, problems: sorted.map(({ line, message }) => ({ line: line ?? null, message })) }
  return new SettingsError('CONFIG_INVALID', message, { cause, details })
}

/** A text from the file for a message: quoted, on one line, truncated to 80 characters. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text)
}
