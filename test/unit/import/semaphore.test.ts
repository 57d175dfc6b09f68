import { expect, it } from 'vitest'
import { Semaphore } from '../../../src/import/semaphore.ts'

it('Room lets in what fits, in order, and what is larger than all of it alone', async () => {
  const room = new Semaphore(10)
  const inside: string[] = []
  const leave = new Map<string, () => void>()
  const hold = (name: string, bytes: number): Promise<void> =>
    room.hold(bytes, async () => {
      inside.push(name)
      await new Promise<void>(resolve => leave.set(name, resolve))
      inside.splice(inside.indexOf(name), 1)
    })
  const go = async (name: string): Promise<void> => {
    leave.get(name)?.()
    await new Promise(setImmediate)
  }
  const all = [hold('a', 4), hold('b', 6), hold('large', 50), hold('c', 1)]
  await new Promise(setImmediate)
  expect(inside).toEqual(['a', 'b'])
  await go('a')
  expect(inside).toEqual(['b'])
  await go('b')
  expect(inside).toEqual(['large'])
  await go('large')
  expect(inside).toEqual(['c'])
  await go('c')
  await Promise.all(all)
})

it('Room is free again after what failed', async () => {
  const room = new Semaphore(1)
  await expect(room.hold(1, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed')
  expect(await room.hold(1, async () => 'next')).toBe('next')
})
