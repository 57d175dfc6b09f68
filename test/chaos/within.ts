/** A step that did not end within its limit. */
export class StepOverdue extends Error {}

export interface WithinOptions {
  /** Ends the wait early, with its reason as the error. */
  readonly signal?: AbortSignal | undefined
  /** What is still under way, for the message; at most the first 20 are named. */
  readonly pending?: () => readonly string[]
}

/**
 * Gives what the step gives, as long as that comes within so many milliseconds. The step itself goes on; only
 * the wait ends.
 * @throws StepOverdue that names the step and what is still under way; the reason of the signal.
 */
export async function within<T>(
  step: string,
  limit: number,
  work: () => Promise<T>,
  { signal, pending }: WithinOptions = {},
): Promise<T> {
  signal?.throwIfAborted()
  let timer: NodeJS.Timeout | undefined
  let stop: (() => void) | undefined
  const cut = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new StepOverdue(describe(step, limit, pending?.() ?? []))), limit)
    stop = () => reject(signal?.reason)
    signal?.addEventListener('abort', stop, { once: true })
  })
  const working = work()
  // A step that fails after its limit has been reported by its name already.
  working.catch(() => undefined)
  try {
    return await Promise.race([working, cut])
  } finally {
    clearTimeout(timer)
    if (stop) signal?.removeEventListener('abort', stop)
  }
}

/** Something that was started and has to end. */
export interface Ending {
  /** As it stands in an error: `the stock client`. */
  readonly name: string
  end(): Promise<void>
}

/**
 * Ends all of them, the latest first, each within so many milliseconds whatever happens to the others; gives
 * a sentence for each that failed.
 */
export async function endAll(endings: Ending[], limit: number): Promise<readonly string[]> {
  const failures: string[] = []
  for (const { name, end } of endings.splice(0).reverse()) {
    try {
      await within(`the end of ${name}`, limit, end)
    } catch (error) {
      failures.push(
        error instanceof StepOverdue
          ? error.message
          : `The end of ${name} failed: ${error instanceof Error ? error.stack : error}`,
      )
    }
  }
  return failures
}

/** As {@link endAll}. @throws Error with every failure. */
export async function endEach(endings: Ending[], limit: number): Promise<void> {
  const failures = await endAll(endings, limit)
  if (failures.length > 0) throw new Error(failures.join('\n'))
}

function describe(step: string, limit: number, pending: readonly string[]): string {
  const named = pending.slice(0, 20).join('; ')
  const rest = pending.length > 20 ? ` and ${pending.length - 20} more` : ''
  return `Step overdue: ${step} did not end within ${limit / 1_000} s${pending.length > 0 ? `. Still under way: ${named}${rest}` : ''}.`
}
