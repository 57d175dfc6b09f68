/** The message of any thrown value. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** True for an error of the operating system with one of these codes, such as `ENOENT`. */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}

const handled = new WeakSet<object>()

/**
 * Marks the error of a failed import as handled: Node 20 reports it again, as an unhandled rejection, when it
 * comes from a CommonJS module that another module imports.
 */
export function markHandled(error: unknown): void {
  if (error instanceof Object) handled.add(error)
}

/** True for an error that was marked as handled. */
export function isHandled(error: unknown): boolean {
  return error instanceof Object && handled.has(error)
}
