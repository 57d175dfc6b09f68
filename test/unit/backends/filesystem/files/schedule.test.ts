import { describe, expect, it } from 'vitest'
import { Schedule } from '../../../../../backends/filesystem/files/schedule.ts'
import { makeKey } from '../../../../../model/key.ts'

const KEYS = Array.from({ length: 9 }, (_, n) => makeKey('settings', 'kytos', `n${n}`))

/** A schedule whose files are attended to until they are let go, and then want more. */
function slowly() {
  const hands: (() => void)[] = []
  const begun: string[] = []
  const schedule = new Schedule(key => {
    begun.push(key)
    return new Promise(resolve => hands.push(() => resolve(0)))
  })
  const letGo = async () => {
    for (const hand of hands.splice(0)) hand()
    await new Promise(setImmediate)
  }
  return { schedule, begun, letGo }
}

describe('A schedule that is finished', () => {
  it('waits for what is in hands, and begins nothing any more, when that takes too long', async () => {
    const { schedule, begun, letGo } = slowly()
    for (const key of KEYS) schedule.touch(key)
    let over = false
    const finished = schedule.finish(50).then(() => {
      over = true
    })
    await new Promise(resolve => setTimeout(resolve, 100))
    expect([begun.length, over]).toEqual([3, false])
    await letGo()
    await finished
    for (const key of KEYS) schedule.touch(key)
    await letGo()
    expect(begun).toHaveLength(3)
  })

  it('has attended to all that was ready or appointed, and takes no more', async () => {
    const begun: string[] = []
    const schedule = new Schedule(async key => {
      begun.push(key)
      return undefined
    })
    for (const [n, key] of KEYS.entries()) schedule.touch(key, n * 10_000)
    await schedule.finish(5_000)
    expect([...new Set(begun)].sort()).toEqual(KEYS)
    const { length } = begun
    for (const key of KEYS) schedule.touch(key)
    expect(begun).toHaveLength(length)
  })
})
