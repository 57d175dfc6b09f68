import { SettingsError } from '../../model/errors.ts'

/**
 * Something wrong in a file, for people: what, what is allowed, what to do. The line counts from 1; undefined
 * when no line is to blame.
 */
export interface ConfigProblem {
  readonly line?: number
  readonly message: string
}

/**
 * One CONFIG_INVALID that names all problems, in the order of their lines, each led by `file:line`. There
 * must be at least one.
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

/** A text from the file as a message shows it: quoted, on one line, cut after 80 characters. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text)
}
