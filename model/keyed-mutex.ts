import { isSettingsError, SettingsError } from './errors.ts'

/**
 * Runs one task per name at a time, in the order of the calls; tasks of different names are independent. When
 * a task does not reach the store, the tasks that wait behind it fail with STORE_UNREACHABLE without an
 * attempt, because each would wait as long again.
 */
export class KeyedMutex {
  readonly #last = new Map<string, Promise<unknown>>()

  async run<Result>(name: string, task: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(name) ?? Promise.resolve()
    // The caller of the task before handles its failure.
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
