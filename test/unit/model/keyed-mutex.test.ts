import { describe, expect, it } from 'vitest'
import { SettingsError } from '../../../model/errors.ts'
import { Turnstile } from '../../../model/keyed-mutex.ts'

/** Tasks of one name that all came before the first has ended; gives how each ended, and which were tried. */
async function inRow(...ends: readonly (string | Error)[]) {
  const turnstile = new Turnstile()
  const tried: number[] = []
  const results = await Promise.allSettled(
    ends.map((end, i) =>
      turnstile.run('one', async () => {
        tried.push(i)
        await new Promise(resolve => setImmediate(resolve))
        if (typeof end === 'string') return end
        throw end
      }),
    ),
  )
  return {
    tried,
    ended: results.map(result => (result.status === 'fulfilled' ? result.value : (result.reason.code ?? result.reason.message))),
    turnstile,
  }
}

describe('a turnstile', () => {
  it('lets one through at a time, in order, whatever becomes of those before', async () => {
    const { tried, ended } = await inRow('a', new Error('b'), new SettingsError('CONTENTION', 'c'), 'd')
    expect({ tried, ended }).toEqual({ tried: [0, 1, 2, 3], ended: ['a', 'b', 'CONTENTION', 'd'] })
  })

  it.each(['STORE_UNREACHABLE', 'OUTCOME_UNKNOWN'] as const)('tries none of those that wait behind a %s, and all that come later', async code => {
    const { tried, ended, turnstile } = await inRow('a', new SettingsError(code, 'b'), 'c', 'd')
    expect({ tried, ended }).toEqual({ tried: [0, 1], ended: ['a', code, 'STORE_UNREACHABLE', 'STORE_UNREACHABLE'] })
    expect(await turnstile.run('one', async () => 'later')).toBe('later')
  })

  it('lets those of another name pass', async () => {
    const turnstile = new Turnstile()
    const stuck = turnstile.run('one', () => new Promise<string>(() => {}))
    expect(await Promise.race([stuck, turnstile.run('two', async () => 'passed')])).toBe('passed')
  })
})
