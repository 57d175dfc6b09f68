import { isSettingsError, SettingsError } from './errors.ts'

/**
 * Lets one task a name through at a time, in the order they came; tasks of different names do not meet.
 * Behind one that did not reach the store those that wait end with STORE_UNREACHABLE, untried: each would
 * wait as long again.
 */
export class KeyedMutex {
  readonly #last = new Map<string, Promise<unknown>>()

  async run<Result>(name: string, task: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(name) ?? Promise.resolve()
    // Whoever came before answers for its own failure.
    const mine = before.then(task, error => {
      if (isSettingsError(error, 'STORE_UNREACHABLE', 'OUTCOME_UNKNOWN')) throw untried(error)
      return task()
    })
    this.#last.set(name, mine)
    try {
      return await mine
    } finally {
      if (this.#last.get(name) === mine) this.#last.delete(name)
    }
  }
}

function untried(cause: SettingsError): SettingsError {
  return new SettingsError(
    'STORE_UNREACHABLE',
    'An earlier change of the same document did not reach the store. Nothing was written; retry.',
    {
      cause,
    },
  )
}
