import { AssertionError } from 'node:assert'
import type { Backend } from '../../backends/backend.ts'
import { isSettingsError, SettingsError } from '../../model/errors.ts'
import { within } from './assertions.ts'
import type { Case, Context, Lossy, Subject } from './case.ts'

/**
 * The result of one case on one subject: `failed` by an assertion, `refused` by an error of the backend,
 * `crashed` by any other error, which is a bug of the suite.
 */
export interface Verdict {
  readonly outcome: 'passed' | 'failed' | 'refused' | 'crashed'
  readonly error?: unknown
}

/** A case fails when it has not ended after this many times the timeout of the subject. */
const CASE_TIMEOUT_FACTOR = 4

/** Runs a case on a fresh store and closes everything it opened. */
export async function runCase(one: Case, subject: Subject): Promise<Verdict> {
  const place = await subject.create()
  const over = new AbortController()
  const opened: Backend[] = []
  const lines: Lossy[] = []
  const open = async (backend: Backend): Promise<Backend> => {
    opened.push(backend)
    await backend.open()
    return backend
  }
  try {
    const store = await open(place.backend())
    const context: Context = {
      store,
      ttl: subject.ttl,
      timeoutMs: subject.timeoutMs,
      over: over.signal,
      second: () => open(place.backend()),
      async reopen() {
        await store.close()
        return open(place.backend())
      },
      async afterCrash() {
        return open(await needed(place.afterCrash).call(place))
      },
      async lossy() {
        const lossy = await needed(place.lossy).call(place)
        lines.push(lossy)
        await open(lossy.backend)
        return lossy
      },
      forget: () => needed(place.forget).call(place),
    }
    await within(one.run(context), subject.timeoutMs * CASE_TIMEOUT_FACTOR, 'the end of the case')
    return { outcome: 'passed' }
  } catch (error) {
    return { outcome: judge(error), error }
  } finally {
    over.abort()
    for (const line of lines) line.restore()
    for (const backend of opened.reverse()) await backend.close()
    for (const line of lines) await line.close()
    await place.remove()
  }
}

function judge(error: unknown): Verdict['outcome'] {
  if (error instanceof AssertionError) return 'failed'
  return isSettingsError(error) ? 'refused' : 'crashed'
}

function needed<T>(ability: T | undefined): T {
  if (ability === undefined)
    throw new SettingsError('INTERNAL_ERROR', 'A case uses what it does not say that it needs.')
  return ability
}
