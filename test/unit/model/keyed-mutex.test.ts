import { describe, expect, it } from 'vitest'
import { SettingsError } from '../../../model/errors.ts'
import { KeyedMutex } from '../../../model/keyed-mutex.ts'

/** Tasks of one name that all came before the first has ended; gives how each ended, and which were tried. */
async function inRow(...ends: readonly (string | Error)[]) {
  const mutex = new KeyedMutex()
  const tried: number[] = []
  const results = await Promise.allSettled(
    ends.map((end, i) =>
      mutex.run('one', async () => {
        tried.push(i)
        await new Promise(resolve => setImmediate(resolve))
        if (typeof end === 'string') return end
        throw end
      }),
    ),
  )
  return {
    tried,
    ended: results.map(result =>
      result.status === 'fulfilled' ? result.value : (result.reason.code ?? result.reason.message),
    ),
    mutex,
  }
}

describe('a mutex', () => {
  it('lets one through at a time, in order, whatever becomes of those before', async () => {
    const { tried, ended } = await inRow('a', new Error('b'), new SettingsError('CONTENTION', 'c'), 'd')
    expect({ tried, ended }).toEqual({ tried: [0, 1, 2, 3], ended: ['a', 'b', 'CONTENTION', 'd'] })
  })

  it.each(['STORE_UNREACHABLE', 'OUTCOME_UNKNOWN'] as const)(
    'tries none of those that wait behind a %s, and all that come later',
    async code => {
      const { tried, ended, mutex } = await inRow('a', new SettingsError(code, 'b'), 'c', 'd')
      expect({ tried, ended }).toEqual({
        tried: [0, 1],
        ended: ['a', code, 'STORE_UNREACHABLE', 'STORE_UNREACHABLE'],
      })
      expect(await mutex.run('one', async () => 'later')).toBe('later')
    },
  )

  it('lets those of another name pass', async () => {
    const mutex = new KeyedMutex()
    const stuck = mutex.run('one', () => new Promise<string>(() => {}))
    expect(await Promise.race([stuck, mutex.run('two', async () => 'passed')])).toBe('passed')
  })
})
